using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;

namespace Labeling.Web.Components;

public sealed partial class App
{
    [CascadingParameter]
    public required HttpContext Http { get; set; }

    // Account pages set cookies, which only an ordinary request can do; they opt out with [ExcludeFromInteractiveRouting].
    private IComponentRenderMode? PageRenderMode => Http.AcceptsInteractiveRouting() ? RenderMode.InteractiveServer : null;

    // With <base href="/"> a bare "#content" would lead to the home page.
    private string SkipTarget => $"{Http.Request.Path.ToString().TrimStart('/')}{Http.Request.QueryString}#content";
}
