using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>A Chinese question about the colour of one of two things.</summary>
internal sealed class ChineseColourFamily() : TaskFamily<ChineseColourSpec>("colour-zh", "zh"), IClosedWorldFamily
{
    private static readonly string[] Names = ["小明", "小红", "小华", "小丽", "小军", "小美", "小雨", "小强"];

    private static readonly string[] Colours = ["红", "蓝", "黄", "绿", "白", "黑", "紫"];

    private static readonly string[] Things = ["书包", "帽子", "气球", "杯子", "雨伞", "皮球", "盒子", "衣服", "椅子", "围巾"];

    private static readonly string[] Instructions =
    [
        "{name}的{a}是{x}色的，{b}是{y}色的。{asked}是什么颜色的？", "{name}有{x}色的{a}和{y}色的{b}。{asked}是什么颜色？", "桌上有{x}色的{a}和{y}色的{b}。请问{asked}是什么颜色的？",
    ];

    private static readonly string[] Answers = ["{asked}是{answer}色的。", "{asked}的颜色是{answer}色。", "那是{answer}色的{asked}。"];

    public override IEnumerable<string> Phrases => [.. Names, .. Colours, .. Things, .. Instructions, .. Answers, "可能是色的，也可能是"];

    public IReadOnlyList<string> UnsupportedFacts(TaskPrompt prompt, string answer)
    {
        var spec = Read(prompt);
        return ClosedWorld.Unsupported(prompt.Text, answer, [.. Colours.Select(c => c + "色"), .. Names], Things, spec.Asked, spec.Other + "色");
    }

    protected override int MaxWords => 18;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("confuses-the-two", 2.5, (p, s, r) => Good(s with { Answer = s.Other }, r)),
        new("invents-a-colour", 1.5, (p, s, r) => Good(s with { Answer = Other(Colours, r, s.Answer, s.Other) }, r)),
        new("names-the-wrong-thing", 1.0, (p, s, r) => Good(s with { Asked = Other(Things, r, s.Asked), Answer = s.Other }, r)),
        new("one-word", 0.8, (p, s, r) => s.Answer + "色。"),
        new("names-both", 0.8, (p, s, r) => "可能是" + s.Answer + "色的，也可能是" + s.Other + "色的。"),
    ];

    protected override ChineseColourSpec DrawSpec(Philox random)
    {
        var answer = random.Choose(Colours);
        return new ChineseColourSpec(random.Choose(Things), answer, Other(Colours, random, answer));
    }

    protected override string Instruction(ChineseColourSpec spec, Philox random)
    {
        var first = random.Chance(0.5);
        var other = Other(Things, random, spec.Asked);
        return Template.Fill(random.Choose(Instructions), new Dictionary<string, string>
        {
            ["name"] = random.Choose(Names),
            ["asked"] = spec.Asked,
            ["a"] = first ? spec.Asked : other,
            ["b"] = first ? other : spec.Asked,
            ["x"] = first ? spec.Answer : spec.Other,
            ["y"] = first ? spec.Other : spec.Answer,
        });
    }

    protected override string Good(ChineseColourSpec spec, Philox random) => Template.Fill(
        random.Choose(Answers), new Dictionary<string, string> { ["asked"] = spec.Asked, ["answer"] = spec.Answer });

    protected override IEnumerable<TaskCheck> Check(ChineseColourSpec spec, AnswerText answer)
    {
        var right = answer.Mentions(spec.Answer + "色");
        yield return Is("right-answer", 0.5, right);
        yield return Is("no-other-answer", 0.2, right && Colours.All(c => c == spec.Answer || !answer.Mentions(c + "色")));
        yield return Is("names-what-was-asked", 0.15, answer.Mentions(spec.Asked));
        yield return Is("full-sentence", 0.15, answer.EndsComplete && answer.Words.Count >= 5);
    }
}

/// <summary>The facts of a Chinese colour question.</summary>
/// <param name="Asked">The thing asked about.</param>
/// <param name="Answer">Its colour.</param>
/// <param name="Other">The colour of the other thing.</param>
internal sealed record ChineseColourSpec(string Asked, string Answer, string Other);
