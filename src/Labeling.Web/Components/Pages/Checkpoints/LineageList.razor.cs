using Labeling.Web.Features.Checkpoints;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Checkpoints;

/// <summary>Checkpoints that another came from or became, nearest first.</summary>
public sealed partial class LineageList
{
    [Parameter, EditorRequired]
    public required IReadOnlyList<RelatedCheckpoint> Rows { get; set; }

    /// <summary>The project whose page this is: others are named.</summary>
    [Parameter, EditorRequired]
    public required string Slug { get; set; }

    [Parameter, EditorRequired]
    public required string Empty { get; set; }
}
