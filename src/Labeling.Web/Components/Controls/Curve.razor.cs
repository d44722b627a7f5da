using System.Globalization;
using Labeling.Web.Features.Runs;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Labeling.Web.Components.Controls;

/// <summary>One metric over the training step. The list only grows; after each render the new points are handed to the chart.</summary>
public sealed partial class Curve : IAsyncDisposable
{
    private ElementReference _host;
    private IJSObjectReference? _module, _chart;
    private int _drawn;

    [Parameter, EditorRequired]
    public required string Name { get; set; }

    [Parameter, EditorRequired]
    public required List<CurvePoint> Points { get; set; }

    [Inject]
    public required IJSRuntime Js { get; init; }

    private string LastValue => Points.Count == 0 ? "" : Points[^1].Value.ToString("0.####", CultureInfo.InvariantCulture);

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        try
        {
            if (firstRender)
            {
                _module = await Js.InvokeAsync<IJSObjectReference>("import", "/" + Assets["js/curves.js"]);
                _chart = await _module.InvokeAsync<IJSObjectReference>("create", _host, Name);
            }

            if (_chart is not null && _drawn < Points.Count)
            {
                // JSON has no infinities and no NaN; a gap in the curve says the same.
                var fresh = Points.GetRange(_drawn, Points.Count - _drawn);
                _drawn = Points.Count;
                await _chart.InvokeVoidAsync("append", fresh.ConvertAll(p => p.Step), fresh.ConvertAll(p => double.IsFinite(p.Value) ? p.Value : (double?)null));
            }
        }
        catch (JSDisconnectedException)
        {
            // The page was left while it was drawn.
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_chart is not null)
            {
                await _chart.InvokeVoidAsync("dispose");
                await _chart.DisposeAsync();
            }

            if (_module is not null)
            {
                await _module.DisposeAsync();
            }
        }
        catch (JSDisconnectedException)
        {
            // The browser is gone, and the chart with it.
        }
    }
}
