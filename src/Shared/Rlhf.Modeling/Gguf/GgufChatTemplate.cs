using System.Text;
using System.Text.Json;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Gguf;

/// <summary>The chat templates of a tokenizer: chat_template.jinja, or <c>chat_template</c> of tokenizer_config.json.</summary>
internal static class GgufChatTemplate
{
    private const string Key = "tokenizer.chat_template";

    public static void Describe(TokenizerFiles files, GgufMetadata metadata)
    {
        if (files.ChatTemplate is { } jinja)
        {
            metadata.Add(Key, Encoding.UTF8.GetString(jinja));
            return;
        }

        using var config = TokenizerConfig.Document(files.Config, TokenizerFiles.ConfigName);
        var template = TokenizerJson.Child(config?.RootElement ?? default, "chat_template");
        if (template.ValueKind == JsonValueKind.String)
        {
            metadata.Add(Key, template.GetString()!);
        }
        else if (template.ValueKind == JsonValueKind.Array)
        {
            DescribeSeveral(template, metadata);
        }
    }

    /// <summary>A list of named templates; the one called default is the plain one.</summary>
    private static void DescribeSeveral(JsonElement templates, GgufMetadata metadata)
    {
        var names = new List<string>();
        foreach (var item in templates.EnumerateArray())
        {
            var name = TokenizerJson.Text(item, "name", "chat_template");
            var text = TokenizerJson.Text(item, "template", "chat_template");
            metadata.Add(name == "default" ? Key : $"{Key}.{name}", text);
            if (name != "default")
            {
                names.Add(name);
            }
        }

        if (names.Count > 0)
        {
            metadata.Add("tokenizer.chat_templates", names.ToArray());
        }
    }
}
