using System.Text.Json;
using Rlhf.Modeling.Chat;

namespace Rlhf.Modeling.Tests.Chat;

/// <summary>The template engine against Jinja2 (Reference/templates.json, written by templates.py).</summary>
public sealed class JinjaTests
{
    private static readonly JsonElement Reference = Load();

    [Fact]
    public void Render_EveryReferenceTemplate_AsJinja2()
    {
        var variables = Reference.GetProperty("variables").EnumerateObject().ToDictionary(entry => entry.Name, entry => (object?)entry.Value);
        var differences = new List<string>();
        foreach (var item in Reference.GetProperty("cases").EnumerateArray())
        {
            var template = item.GetProperty("template").GetString()!;
            string found;
            try
            {
                found = ChatTemplate.Parse(template).Render([], variables: variables).Text;
                if (!item.TryGetProperty("rendered", out var expected))
                {
                    differences.Add($"{template}\n  expected the error {item.GetProperty("error").GetString()}\n  found    {found}");
                }
                else if (expected.GetString() != found)
                {
                    differences.Add($"{template}\n  expected {expected.GetString()}\n  found    {found}");
                }
            }
            catch (ChatTemplateException fault)
            {
                Assert.InRange(fault.Line, 1, 10);
                if (!item.TryGetProperty("error", out var error))
                {
                    differences.Add($"{template}\n  expected {item.GetProperty("rendered").GetString()}\n  found the error {fault.Message}");
                }
                else if (item.GetProperty("raised").GetBoolean() != fault.RaisedByTemplate || (fault.RaisedByTemplate && error.GetString() != "TemplateError: " + fault.Message))
                {
                    differences.Add($"{template}\n  expected the error {error.GetString()}\n  found    {fault.Message}");
                }
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count} differ\n" + string.Join('\n', differences));
    }

    private static JsonElement Load()
    {
        using var stream = typeof(JinjaTests).Assembly.GetManifestResourceStream("templates.json")!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }
}
