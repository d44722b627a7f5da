using Microsoft.AspNetCore.Components.Web;

namespace Labeling.Web.Components.Layout;

public sealed partial class MainLayout
{
    private ErrorBoundary? _boundary;

    // Going to another page leaves the failed one behind.
    protected override void OnParametersSet() => _boundary?.Recover();
}
