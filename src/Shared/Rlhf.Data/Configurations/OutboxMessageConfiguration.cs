using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class OutboxMessageConfiguration : IEntityTypeConfiguration<OutboxMessage>
{
    public void Configure(EntityTypeBuilder<OutboxMessage> builder)
    {
        builder.ToTable("Outbox");
        builder.Property(m => m.Type).HasMaxLength(100);
        builder.Property(m => m.TraceParent).HasMaxLength(55);
        builder.HasIndex(m => new { m.Aggregate, m.Id });
        builder.HasIndex(m => m.MessageId).IsUnique();
        builder.HasIndex(m => new { m.DispatchedAt, m.NextAttemptAt, m.Id });
    }
}
