using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Rlhf.Data;

/// <summary>SQLite has no type for a point in time that sorts and compares; the UTC ticks (100 ns since year 1) do.</summary>
internal sealed class UtcTicksConverter() : ValueConverter<DateTimeOffset, long>(
    time => time.UtcTicks,
    ticks => new DateTimeOffset(ticks, TimeSpan.Zero));

/// <summary>PostgreSQL's <c>timestamp with time zone</c> takes UTC only.</summary>
internal sealed class UtcOffsetConverter() : ValueConverter<DateTimeOffset, DateTimeOffset>(
    time => time.ToUniversalTime(),
    time => time);
