using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Chat;
using Rlhf.TestSupport;

namespace Rlhf.Modeling.Tests.Chat;

/// <summary>Renderings of real templates by transformers (RLHF_SHARED/fixtures/tokenizers/chat_templates*.json).</summary>
[Trait("Category", "Parity")]
public sealed class ChatTemplateParityTests
{
    [Fact]
    public void Render_EveryReferenceConversation_SameTextSpansAndErrors()
    {
        var folder = SharedData.Require("fixtures", "tokenizers");
        var count = 0;
        foreach (var file in Directory.GetFiles(folder, "chat_templates*.json"))
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            var templates = json.RootElement.GetProperty("templates").EnumerateObject().ToDictionary(entry => entry.Name, entry => ChatTemplate.Parse(
                entry.Value.GetProperty("template").GetString()!,
                entry.Value.GetProperty("special_tokens").EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetString()!)));
            foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
            {
                var name = $"{item.GetProperty("template").GetString()}, {item.GetProperty("chat").GetString()}";
                AssertCase(name, templates[item.GetProperty("template").GetString()!], item);
                count++;
            }
        }

        Assert.NotEqual(0, count);
    }

    private static void AssertCase(string name, ChatTemplate template, JsonElement item)
    {
        var messages = item.GetProperty("messages").EnumerateArray().Select(message => ChatMessage.FromJson(JsonNode.Parse(message.GetRawText())!.AsObject())).ToArray();
        JsonNode[]? tools = item.GetProperty("tools") is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(tool => JsonNode.Parse(tool.GetRawText())!)] : null;
        var variables = item.TryGetProperty("variables", out var extra) ? extra.EnumerateObject().ToDictionary(entry => entry.Name, entry => (object?)entry.Value) : null;
        var prompt = item.GetProperty("add_generation_prompt").GetBoolean();
        if (item.TryGetProperty("error", out var error))
        {
            var fault = Assert.Throws<ChatTemplateException>(() => template.Render(messages, prompt, tools, variables));
            var raised = item.GetProperty("error_kind").GetString() == "TemplateError";
            Assert.Equal((name, raised), (name, fault.RaisedByTemplate));
            if (raised)
            {
                Assert.Equal((name, error.GetString()), (name, fault.Message));
            }

            return;
        }

        var chat = template.Render(messages, prompt, tools, variables);
        Assert.Equal((name, item.GetProperty("rendered").GetString()), (name, chat.Text));
        if (item.TryGetProperty("assistant_spans_in_code_points", out var spans))
        {
            var found = chat.AssistantSpans.Select(span => $"{CodePoints(chat.Text[..span.Start])}-{CodePoints(chat.Text[..span.End])}");
            Assert.Equal((name, string.Join(' ', spans.EnumerateArray().Select(span => $"{span[0].GetInt32()}-{span[1].GetInt32()}"))), (name, string.Join(' ', found)));
        }
    }

    private static int CodePoints(string text) => text.EnumerateRunes().Count();
}
