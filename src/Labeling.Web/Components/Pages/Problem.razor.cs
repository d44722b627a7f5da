using Microsoft.AspNetCore.Components;

namespace Labeling.Web.Components.Pages;

/// <summary>The body of an unsuccessful response; the pipeline runs it again under the original status code.</summary>
public sealed partial class Problem
{
    [Parameter]
    public int Code { get; set; }
}
