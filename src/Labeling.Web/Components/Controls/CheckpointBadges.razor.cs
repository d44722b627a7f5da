using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Controls;

/// <summary>What there is to know about a checkpoint at a glance.</summary>
public sealed partial class CheckpointBadges
{
    [Parameter, EditorRequired]
    public required Checkpoint Checkpoint { get; set; }

    /// <summary>Whether its project serves it.</summary>
    [Parameter]
    public bool IsPolicy { get; set; }
}
