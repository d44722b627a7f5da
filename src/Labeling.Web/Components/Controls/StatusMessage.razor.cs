using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Controls;

/// <summary>What to say for an HTTP status that is not a success.</summary>
public sealed partial class StatusMessage
{
    [Parameter, EditorRequired]
    public int Code { get; set; }

    private string Title => Code switch
    {
        400 => "The request could not be understood",
        403 => "You are not allowed to see this",
        404 => "There is nothing here",
        429 => "Too many attempts",
        _ => "Something went wrong",
    };

    private string Explanation => Code switch
    {
        400 => "The form was too old or incomplete. Go back, reload the page and try again.",
        403 => "Your account has no access to this project or page. An administrator can add you to it.",
        404 => "The address is wrong, or what it named has been removed.",
        429 => "Please wait a minute and try again.",
        _ => "The error has been logged. What you had saved before is safe; try again in a moment.",
    };
}
