using System.Text.Json.Nodes;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Tests.Tokenization;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Tokenization.PreTokenizers;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Chat;

public sealed class ChatTemplateTests
{
    private const string ChatMl =
        "{% for m in messages %}<|{{ m.role }}|>\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|endoftext|>{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}";

    private static readonly ChatMessage[] Messages = [new("user", "Hi 👍"), new("assistant", "yo"), new("user", "bye"), new("assistant", "👍")];

    [Fact]
    public void Render_Generation_SpansHoldWhatTheAssistantWrote()
    {
        var chat = ChatTemplate.Parse(ChatMl).Render(Messages, addGenerationPrompt: true);
        Assert.Equal("<|user|>\nHi 👍\n<|assistant|>\nyo<|endoftext|>\n<|user|>\nbye\n<|assistant|>\n👍<|endoftext|>\n<|assistant|>\n", chat.Text);
        Assert.Equal(["yo<|endoftext|>", "👍<|endoftext|>"], chat.AssistantSpans.Select(span => chat.Text[span.Start..span.End]));
    }

    [Fact]
    public void ApplyChatTemplate_AssistantMask_DecodesToTheSpans()
    {
        foreach (var pattern in (string[])[SplitPatterns.Gpt2, SplitPatterns.Qwen2])
        {
            var tokenizer = TokenizerPropertyTests.WithPattern(pattern);
            var template = ChatTemplate.Parse(ChatMl);
            var chat = tokenizer.ApplyChatTemplate(template, Messages);
            Assert.Equal(tokenizer.Encode(template.Render(Messages).Text, addSpecialTokens: false), chat.Ids);
            Assert.Equal(chat.Ids.Length, chat.AssistantMask.Length);
            var masked = chat.Ids.Where((_, i) => chat.AssistantMask[i] == 1).ToArray();
            Assert.Equal("yo<|endoftext|>👍<|endoftext|>", tokenizer.Decode(masked, skipSpecialTokens: false));
        }
    }

    [Fact]
    public void ApplyChatTemplate_NoGenerationBlocks_MaskIsZero()
    {
        var template = ChatTemplate.Parse("{{ eos_token }}{{ messages[0].content }}");
        var chat = TinyModels.Tokenizer().ApplyChatTemplate(template, Messages);
        Assert.False(template.HasGenerationBlocks);
        Assert.Equal(TinyModels.Tokenizer().EosTokenId, chat.Ids[0]);
        Assert.All(chat.AssistantMask, mask => Assert.Equal(0, mask));
    }

    [Fact]
    public void Render_MessageFields_AreThereOnlyWhereSet()
    {
        var template = ChatTemplate.Parse("{% for m in messages %}{{ m | tojson }}\n{% endfor %}");
        var call = new ToolCall("f", new JsonObject { ["x"] = 1.5 }, "c1");
        Assert.Equal(
            """
            {"role": "user", "content": "Hi"}
            {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1.5}}, "id": "c1"}]}
            {"role": "tool", "content": "2", "name": "f", "tool_call_id": "c1"}
            {"content": [{"type": "text"}], "role": "user", "z": 1}

            """,
            template.Render(
                [
                    new("user", "Hi"),
                    new("assistant", null) { ToolCalls = [call] },
                    new("tool", "2") { Name = "f", ToolCallId = "c1" },
                    ChatMessage.FromJson(JsonNode.Parse("""{"content":[{"type":"text"}],"role":"user","z":1}""")!.AsObject()),
                ]).Text);
    }

    [Fact]
    public void Render_Clock_ComesFromTheTimeProvider()
    {
        // 2024-03-05 is a Tuesday, the 65th day of a leap year (31 + 29 + 5).
        var template = ChatTemplate.Parse("{{ strftime_now('%d %B %Y|%-d %b %y|%A %H:%M:%S %p|%j') }}", time: new FixedClock());
        Assert.Equal("05 March 2024|5 Mar 24|Tuesday 07:08:09 AM|065", template.Render([]).Text);
    }

    [Fact]
    public void Render_Variables_OnlyPlainKinds()
    {
        var template = ChatTemplate.Parse("{{ v }}");
        Assert.Equal("{'a': [1, None]}", template.Render([], variables: new Dictionary<string, object?> { ["v"] = new Dictionary<string, object?> { ["a"] = new List<object?> { 1, null } } }).Text);
        var fault = Assert.Throws<ArgumentException>(() => template.Render([], variables: new Dictionary<string, object?> { ["v"] = new FixedClock() }));
        Assert.Contains("\"v\"", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_JinjaFileThenConfigThenNamed_InThisOrder()
    {
        using var directory = new TemporaryDirectory();
        Assert.Throws<FileNotFoundException>(() => ChatTemplate.Load(directory.Path));
        File.WriteAllText(directory.File("tokenizer_config.json"), """{"chat_template":"C{{ eos_token }}","eos_token":{"content":"E"}}""");
        Assert.Equal("CE", ChatTemplate.Load(directory.Path).Render([]).Text);
        File.WriteAllText(
            directory.File("tokenizer_config.json"), """{"chat_template":[{"name":"default","template":"D"},{"name":"tool_use","template":"T{{ bos_token }}"}]}""");
        File.WriteAllText(directory.File("special_tokens_map.json"), """{"bos_token":"B"}""");
        Assert.Equal("D", ChatTemplate.Load(directory.Path).Render([]).Text);
        Assert.Equal("TB", ChatTemplate.Load(directory.Path, "tool_use").Render([]).Text);
        Assert.Contains("\"rag\"", Assert.Throws<FileNotFoundException>(() => ChatTemplate.Load(directory.Path, "rag")).Message, StringComparison.Ordinal);
        File.WriteAllText(directory.File("chat_template.jinja"), "J");
        Assert.Equal("J", ChatTemplate.Load(directory.Path).Render([]).Text);
    }

    [Theory]
    [InlineData("{% for i in range(10**9) %}{% endfor %}")]
    [InlineData("{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}")]
    [InlineData("{{ 'x' * 10**9 }}")]
    [InlineData("{{ ([0] * 10**9) | length }}")]
    [InlineData("{{ range(10**9) | list | length }}")]
    [InlineData("{{ range(10**15) | sum }}")]
    [InlineData("{% set ns = namespace(s='x' * 1000) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}")]
    [InlineData("{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}")]
    [InlineData("{% set ns = namespace(l=[0]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}")]
    [InlineData("{% set ns = namespace(l=[0]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% for i in range(2000) %}{{ 'x' * 1000000 }}{% endfor %}")]
    [InlineData("{{ '' | center(10**9) }}")]
    [InlineData("{{ 'x'.ljust(10**12) }}")]
    [InlineData("{{ '%999999999d' % 1 }}")]
    [InlineData("{{ ('a' * 100000).replace('', 'b' * 100000) }}")]
    [InlineData("{{ (['a' * 100000] * 100000) | join }}")]
    [InlineData("{{ 9223372036854775807 + 1 }}")]
    [InlineData("{{ 2 ** 10**9 }}")]
    [InlineData("{{ 7 ** 7 ** 7 }}")]
    public void Render_HostileTemplate_IsStoppedWithItsLine(string template)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("\n" + template).Render([]));
        Assert.Equal(2, fault.Line);
        Assert.StartsWith("chat template, line 2: ", fault.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 30);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("{1:", "}")]
    [InlineData("not ", "")]
    [InlineData("-", "")]
    [InlineData("1 if ", "")]
    [InlineData("1 + ", "")]
    [InlineData("x|", "upper")]
    public void Parse_DeepOrLongExpression_IsRefused(string open, string close)
    {
        var source = "{{ " + string.Concat(Enumerable.Repeat(open, 50_000)) + "1" + string.Concat(Enumerable.Repeat(close, 50_000)) + " }}";
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source).Render([]));
    }

    [Fact]
    public void Parse_DeepBlocks_AreRefused()
    {
        var source = string.Concat(Enumerable.Repeat("{% if true %}", 10_000)) + string.Concat(Enumerable.Repeat("{% endif %}", 10_000));
        Assert.Contains("nested deeper", Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ ''.__class__ }}", "")]
    [InlineData("{{ [].Items }}{{ {}.Count }}{{ range.GetType }}{{ messages.Capacity }}", "")]
    [InlineData("{{ ''['GetType'] }}{{ loop }}{{ 'x'|attr('Length') }}", "")]
    public void Render_DotNetMembers_DoNotExist(string template, string expected) => Assert.Equal(expected, ChatTemplate.Parse(template).Render([]).Text);

    [Theory]
    [InlineData("{% extends 'a' %}")]
    [InlineData("{% include 'a' %}")]
    [InlineData("{% import 'a' as b %}")]
    [InlineData("{% block a %}{% endblock %}")]
    [InlineData("{% for x in y recursive %}{% endfor %}")]
    [InlineData("{% macro m() %}{% generation %}{% endgeneration %}{% endmacro %}{{ m() }}")]
    public void Template_WhatIsNotSupported_IsRefused(string template) =>
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render([]));

    [Fact]
    public async Task Render_FromManyThreads_SameText()
    {
        var template = ChatTemplate.Parse("{% set x | upper %}a{{ n }}{% endset %}{% filter trim %} {{ x }} {% endfilter %}{% for i in range(50) %}{{ i }}{{ n }}{% endfor %}");
        string Render(int n) => template.Render([], variables: new Dictionary<string, object?> { ["n"] = n }).Text;
        var expected = Enumerable.Range(0, 50).Select(Render).ToArray();
        foreach (var found in await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Enumerable.Range(0, 50).Select(Render).ToArray()))))
        {
            Assert.Equal(expected, found);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Template_DamagedAtRandom_OnlyItsOwnExceptionIsThrown(int seed)
    {
        string[] pieces =
        [
            "{%", "%}", "{{", "}}", "{#", "#}", "-", "+", " ", "\n", "if", "for", "in", "set", "x", "1", "'", "\"", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "~", "*", "**", "%", "//", "=", "==",
            "else", "endif", "endfor", "endset", "macro", "endmacro", "call", "generation", "endgeneration", "is", "not", "defined", "upper", "range", "namespace", "loop", "raw", "endraw", "\\u12", "\\", "👍", "messages", "tojson",
        ];
        var random = new Philox((ulong)seed);
        string[] valid = [ChatMl, "{% macro m(a, b=1) %}{{ a }}{% endmacro %}{% set x %}{{ m(1) }}{% endset %}{{ x | trim | length }}{% for k, v in {'a': [1]}.items() if v is defined %}{{ loop.index ~ k }}{% else %}{{ v[::-1] }}{% endfor %}"];
        for (var trial = 0; trial < 3000; trial++)
        {
            var source = random.Choose(valid);
            for (var count = 1 + random.Next(6); count > 0; count--)
            {
                var at = random.Next(source.Length + 1);
                var end = Math.Min(source.Length, at + random.Next(5));
                source = source[..at] + (random.Chance(0.7) ? random.Choose(pieces) : "") + source[end..];
            }

            try
            {
                ChatTemplate.Parse(source).Render(Messages);
            }
            catch (ChatTemplateException fault)
            {
                Assert.True(fault.Line >= 1, source);
            }
        }
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2024, 3, 5, 7, 8, 9, TimeSpan.Zero);
    }
}
