using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Controls;

/// <summary>Text that people of the project wrote, as formatted text. Never used for model output, which is always plain text.</summary>
public sealed partial class Markdown
{
    private MarkupString _html;
    private string? _rendered;

    [Parameter, EditorRequired]
    public required string Text { get; set; }

    protected override void OnParametersSet()
    {
        if (Text != _rendered)
        {
            _html = new MarkupString(SafeMarkdown.ToHtml(Text));
            _rendered = Text;
        }
    }
}
