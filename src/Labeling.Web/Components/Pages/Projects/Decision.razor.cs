using Labeling.Web.Features.Projects;
using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>What was decided, by which numbers, by whom and when.</summary>
public sealed partial class Decision
{
    [Parameter, EditorRequired]
    public required DecisionRow Value { get; set; }
}
