using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>The list of keys of the comparison page.</summary>
public sealed partial class LabelKeys
{
    [Parameter, EditorRequired]
    public EventCallback OnClose { get; set; }
}
