using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Controls;

/// <summary>Everything that is wrong with a form, at once.</summary>
public sealed partial class FormErrors
{
    [Parameter, EditorRequired]
    public required IReadOnlyList<string> Messages { get; set; }
}
