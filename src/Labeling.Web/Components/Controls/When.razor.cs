using System.Globalization;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Controls;

/// <summary>A point in time as its distance from now, with the exact time as a tooltip.</summary>
public sealed partial class When
{
    [Inject]
    public required TimeProvider Clock { get; init; }

    [Parameter, EditorRequired]
    public required DateTimeOffset? Time { get; set; }

    private string Ago(DateTimeOffset time)
    {
        var age = Clock.GetUtcNow() - time;
        return age.TotalSeconds < 45 ? "just now"
            : age.TotalMinutes < 60 ? $"{Math.Max(1, (int)age.TotalMinutes)} min ago"
            : age.TotalHours < 24 ? $"{(int)age.TotalHours} h ago"
            : age.TotalDays < 14 ? $"{(int)age.TotalDays} d ago"
            : time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
    }
}
