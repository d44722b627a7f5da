using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Projects;

/// <summary>What the planner decided, with the numbers it decided by.</summary>
public sealed partial class Decision
{
    private string _numbers = "";

    [Parameter, EditorRequired]
    public required CycleDecision Value { get; set; }

    protected override void OnParametersSet()
    {
        using var document = JsonDocument.Parse(Value.NumbersJson);
        _numbers = document.RootElement.ValueKind == JsonValueKind.Object
            ? string.Join(", ", document.RootElement.EnumerateObject().Select(p => $"{Words(p.Name)} {Text(p.Value)}"))
            : "";
    }

    // "heldOutAccuracy" and "held_out_accuracy" read as "held out accuracy".
    private static string Words(string name) =>
        string.Concat(name.Select(c => char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : c == '_' ? " " : c.ToString())).Trim();

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
        ? number.ToString("0.####", CultureInfo.InvariantCulture)
        : value.ValueKind == JsonValueKind.Null ? "–" : value.ToString();
}
