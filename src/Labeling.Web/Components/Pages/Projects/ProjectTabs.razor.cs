using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>The pages of a project that engineers see.</summary>
public sealed partial class ProjectTabs
{
    [Parameter, EditorRequired]
    public required string Slug { get; set; }
}
