using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.RenderTree;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging.Abstractions;

namespace Labeling.Web.Tests;

#pragma warning disable BL0006 // Render-tree frames may change with the framework: this class alone reads them.

/// <summary>
/// A component as an interactive browser session has it, without a browser: its elements, and events sent to them by id. What bUnit does, whose packages not every
/// feed serves.
/// </summary>
internal sealed partial class ComponentRenderer(IServiceProvider services) : Renderer(services, NullLoggerFactory.Instance)
{
    private readonly SemaphoreSlim _rendered = new(0);
    private Exception? _error;
    private int _root;

    public override Dispatcher Dispatcher { get; } = Dispatcher.CreateDefault();

    protected override RendererInfo RendererInfo { get; } = new("Test", isInteractive: true);

    /// <summary>What is rendered now, under an element of its own.</summary>
    public XElement Content
    {
        get
        {
            var content = new XElement("content");
            Append(content, GetCurrentRenderTreeFrames(_root));
            return content;
        }
    }

    /// <summary>The element of an id; fails without one.</summary>
    public XElement Find(string id) => Content.Descendants().Single(e => (string?)e.Attribute("id") == id);

    /// <summary>Whether there is an element of an id.</summary>
    public bool Has(string id) => Content.Descendants().Any(e => (string?)e.Attribute("id") == id);

    /// <summary>The texts of the cells of a table of this id, row by row, white space collapsed.</summary>
    public IEnumerable<string> Rows(string id) => Find(id).Descendants("tr").Select(row => string.Join(" | ", row.Elements().Select(Text)));

    /// <summary>The text within an element; that of an element in it stands apart, and white space is collapsed.</summary>
    public static string Text(XElement element) => string.Join(
        ' ',
        string.Concat(element.Nodes().Select(n => n is XElement inner ? $" {Text(inner)} " : ((XText)n).Value)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Renders a component and waits until it has loaded.</summary>
    public async Task RenderAsync<T>(params (string Name, object? Value)[] parameters)
        where T : IComponent
    {
        await Dispatcher.InvokeAsync(async () =>
        {
            _root = AssignRootComponentId(InstantiateComponent(typeof(T)));
            await RenderRootComponentAsync(_root, ParameterView.FromDictionary(parameters.ToDictionary(p => p.Name, p => p.Value)));
        });
        Rethrow();
    }

    /// <summary>Clicks an element and waits until it was handled.</summary>
    public Task ClickAsync(string id) => SendAsync(id, "onclick", new MouseEventArgs());

    /// <summary>Enters a value and waits until it was taken.</summary>
    public Task ChangeAsync(string id, string value) => SendAsync(id, "onchange", new ChangeEventArgs { Value = value });

    /// <summary>Waits until what is rendered meets a condition, however it came about.</summary>
    public async Task WaitAsync(Func<bool> condition)
    {
        while (!await Dispatcher.InvokeAsync(condition))
        {
            Assert.True(await _rendered.WaitAsync(TimeSpan.FromSeconds(60)), "nothing was rendered that meets the condition");
        }
    }

    protected override void HandleException(Exception exception) => _error ??= exception;

    protected override Task UpdateDisplayAsync(in RenderBatch renderBatch)
    {
        _rendered.Release();
        return Task.CompletedTask;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _rendered.Dispose();
    }

    private async Task SendAsync(string id, string name, EventArgs arguments)
    {
        await Dispatcher.InvokeAsync(() =>
        {
            var element = Find(id);
            Assert.Null(element.Attribute("disabled"));
            var handler = element.Annotations<Handler>().Single(h => h.Name == name);
            return DispatchEventAsync(handler.Id, null, arguments);
        });
        Rethrow();
    }

    private void Rethrow()
    {
        if (_error is not null)
        {
            throw new InvalidOperationException("The component failed.", _error);
        }
    }

    private void Append(XElement parent, ArrayRange<RenderTreeFrame> frames) => Append(parent, frames.Array, 0, frames.Count);

    private void Append(XElement parent, RenderTreeFrame[] frames, int start, int end)
    {
        for (var i = start; i < end;)
        {
            var frame = frames[i];
            switch (frame.FrameType)
            {
                case RenderTreeFrameType.Element:
                    var element = new XElement(frame.ElementName);
                    parent.Add(element);
                    Append(element, frames, i + 1, i + frame.ElementSubtreeLength);
                    i += frame.ElementSubtreeLength;
                    continue;
                case RenderTreeFrameType.Component:
                    Append(parent, GetCurrentRenderTreeFrames(frame.ComponentId));
                    i += frame.ComponentSubtreeLength;
                    continue;
                case RenderTreeFrameType.Attribute when frame.AttributeEventHandlerId != 0:
                    parent.AddAnnotation(new Handler(frame.AttributeName, frame.AttributeEventHandlerId));
                    break;
                case RenderTreeFrameType.Attribute when frame.AttributeValue is not (null or false):
                    parent.SetAttributeValue(frame.AttributeName, frame.AttributeValue is true ? "" : frame.AttributeValue);
                    break;
                case RenderTreeFrameType.Text:
                    parent.Add(new XText(frame.TextContent));
                    break;
                case RenderTreeFrameType.Markup:
                    parent.Add(XElement.Parse($"<markup>{Scope().Replace(frame.MarkupContent, "")}</markup>").Nodes());
                    break;
            }

            i++;
        }
    }

    // The mark of scoped styles, an attribute without a value, which XML has not.
    [GeneratedRegex(@" b-\w+(?=[\s/>])")]
    private static partial Regex Scope();

    private sealed record Handler(string Name, ulong Id);
}
