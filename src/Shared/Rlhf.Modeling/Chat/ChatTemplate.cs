using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Chat.Jinja;
using Rlhf.Modeling.Tokenization;

namespace Rlhf.Modeling.Chat;

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text the model is given.</param>
/// <param name="AssistantSpans">The parts inside <c>{% generation %}</c> blocks, in UTF-16 units of the text, the end exclusive; empty if the template has none.</param>
public sealed record RenderedChat(string Text, IReadOnlyList<(int Start, int End)> AssistantSpans);

/// <summary>
/// A chat template: a Jinja template as transformers renders it (trim_blocks, lstrip_blocks, loop controls, <c>tojson</c> without escapes,
/// <c>raise_exception</c>, <c>strftime_now</c>, generation blocks; values cannot be changed). Work, output and nesting are limited. Safe for
/// use from several threads.
/// </summary>
public sealed class ChatTemplate
{
    private readonly IReadOnlyList<Statement> _statements;
    private readonly IReadOnlyDictionary<string, string> _specialTokens;
    private readonly TimeProvider _time;

    private ChatTemplate(string source, IReadOnlyList<Statement> statements, bool hasGeneration, IReadOnlyDictionary<string, string> specialTokens, TimeProvider time)
    {
        (Source, _statements, HasGenerationBlocks, _specialTokens, _time) = (source, statements, hasGeneration, specialTokens, time);
    }

    /// <summary>The template's text.</summary>
    public string Source { get; }

    /// <summary>Whether the template marks what the assistant writes; without, no assistant mask can be made.</summary>
    public bool HasGenerationBlocks { get; }

    /// <summary>Reads a template.</summary>
    /// <param name="source">Its text.</param>
    /// <param name="specialTokens">Variables for every rendering, such as bos_token.</param>
    /// <param name="time">The clock of <c>strftime_now</c>; the system's by default.</param>
    /// <exception cref="ChatTemplateException">If it is malformed or uses what is not supported (template inheritance, imports, recursive loops).</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? specialTokens = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            var (statements, hasGeneration) = Parser.Read(source);
            return new ChatTemplate(source, statements, hasGeneration, specialTokens ?? new Dictionary<string, string>(), time ?? TimeProvider.System);
        }
        catch (JinjaException fault)
        {
            throw Public(fault);
        }
    }

    /// <summary>
    /// Reads a model directory's template: <c>chat_template.jinja</c> (or, for another name, <c>additional_chat_templates/NAME.jinja</c>), else
    /// <c>chat_template</c> of tokenizer_config.json, which is one template or a list of named ones.
    /// </summary>
    /// <param name="directory">A Hugging Face model directory.</param>
    /// <param name="name">Which template: default, tool_use, rag.</param>
    /// <param name="time">The clock of <c>strftime_now</c>.</param>
    /// <exception cref="FileNotFoundException">If the directory has no such template.</exception>
    /// <exception cref="InvalidDataException">If tokenizer_config.json is malformed.</exception>
    /// <exception cref="ChatTemplateException">As for <see cref="Parse"/>.</exception>
    public static ChatTemplate Load(string directory, string name = "default", TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(name);
        using var config = TokenizerConfig.Document(TokenizerFiles.Optional(directory, TokenizerFiles.ConfigName), Path.Combine(directory, TokenizerFiles.ConfigName));
        using var special = TokenizerConfig.Document(TokenizerFiles.Optional(directory, TokenizerFiles.SpecialTokensName), Path.Combine(directory, TokenizerFiles.SpecialTokensName));
        var file = name == "default" ? TokenizerFiles.ChatTemplateName : Path.Combine("additional_chat_templates", $"{Path.GetFileName(name)}.jinja");
        var source = TokenizerFiles.Optional(directory, file) is { } bytes
            ? Encoding.UTF8.GetString(bytes)
            : Named(TokenizerJson.Child(config?.RootElement ?? default, "chat_template"), name);
        return source is null
            ? throw new FileNotFoundException($"{directory} has no chat template \"{name}\": neither {file} nor chat_template in {TokenizerFiles.ConfigName}")
            : Parse(source, SpecialTokens(config, special), time);
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages.</param>
    /// <param name="addGenerationPrompt">Whether the beginning of an assistant's message follows them.</param>
    /// <param name="tools">JSON schemas of the functions the assistant may call; null for none.</param>
    /// <param name="variables">
    /// Further variables (such as enable_thinking): null, booleans, numbers, strings, JSON, and lists and dictionaries of these.
    /// </param>
    /// <exception cref="ChatTemplateException">If the template fails, exceeds a limit or refuses the conversation.</exception>
    /// <exception cref="ArgumentException">If a variable is of another kind.</exception>
    public RenderedChat Render(
        IEnumerable<ChatMessage> messages, bool addGenerationPrompt = false, IReadOnlyList<JsonNode>? tools = null, IReadOnlyDictionary<string, object?>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var globals = new Scope(null);
        foreach (var function in Globals.All)
        {
            globals.Set(function.Name, function);
        }

        foreach (var (name, token) in _specialTokens)
        {
            globals.Set(name, token);
        }

        globals.Set("messages", new ListValue([.. messages.Select(message => JsonValues.FromNode(message.ToJson()))]));
        globals.Set("tools", tools is null ? null : new ListValue([.. tools.Select(JsonValues.FromNode)]));
        globals.Set("documents", null);
        globals.Set("add_generation_prompt", addGenerationPrompt);
        foreach (var (name, value) in variables ?? new Dictionary<string, object?>())
        {
            globals.Set(name, JsonValues.FromObject(value, name));
        }

        var interpreter = new Interpreter(_time);
        try
        {
            Statement.RunAll(_statements, interpreter, new Scope(globals));
        }
        catch (JinjaException fault)
        {
            throw Public(fault);
        }

        return new RenderedChat(interpreter.Output, interpreter.Spans);
    }

    private static ChatTemplateException Public(JinjaException fault) =>
        new(fault.Raised ? fault.Message : $"chat template, line {fault.Line}: {fault.Message}", fault.Line, fault.Raised, fault);

    private static string? Named(JsonElement template, string name)
    {
        if (template.ValueKind != JsonValueKind.Array)
        {
            return template.ValueKind == JsonValueKind.String && name == "default" ? template.GetString() : null;
        }

        foreach (var entry in template.EnumerateArray())
        {
            if (TokenizerJson.Text(entry, "name", $"{TokenizerFiles.ConfigName}: chat_template") == name)
            {
                return TokenizerJson.Text(entry, "template", $"{TokenizerFiles.ConfigName}: chat_template \"{name}\"");
            }
        }

        return null;
    }

    /// <summary>Every entry that is named like a token (bos_token, image_token, …) and has a text.</summary>
    private static Dictionary<string, string> SpecialTokens(JsonDocument? config, JsonDocument? special)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in new[] { special, config }.Where(file => file is not null).SelectMany(file => file!.RootElement.EnumerateObject()))
        {
            var value = TokenizerJson.Child(entry.Value, "content") is { ValueKind: JsonValueKind.String } content ? content : entry.Value;
            if (entry.Name.EndsWith("_token", StringComparison.Ordinal) && value.ValueKind == JsonValueKind.String)
            {
                tokens[entry.Name] = value.GetString()!;
            }
        }

        return tokens;
    }
}
