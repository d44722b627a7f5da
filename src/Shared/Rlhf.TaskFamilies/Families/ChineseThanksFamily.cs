using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>A short Chinese thank-you note.</summary>
internal sealed class ChineseThanksFamily() : TaskFamily<ChineseThanksSpec>("thanks-zh", "zh")
{
    private static readonly string[] Givers = ["奶奶", "爷爷", "妈妈", "爸爸", "老师", "阿姨", "叔叔", "外婆", "外公"];

    private static readonly string[] Gifts = ["帽子", "书包", "风筝", "皮球", "雨伞", "故事书", "蛋糕", "围巾", "小火车", "铅笔"];

    private static readonly string[] Colours = ["红色", "蓝色", "黄色", "绿色", "白色"];

    private static readonly string[] Senders = ["小明", "小红", "小华", "小丽", "小军", "小美", "小雨", "小强"];

    private static readonly string[] Instructions =
        ["{giver}送给{sender}一份礼物，是{gift}。请写一封短短的感谢信。", "帮{sender}写几句话，谢谢{giver}送的{gift}。", "我叫{sender}，想谢谢{giver}送的{gift}，怎么写？"];

    private static readonly string[] Thanks = ["亲爱的{giver}，谢谢您送给我的{gift}。", "亲爱的{giver}，谢谢您的{gift}。", "亲爱的{giver}，{gift}收到了，非常感谢您。"];

    private static readonly string[] Middles = ["我非常喜欢。", "我每天都想用它。", "您对我真好。", "我开心极了。", "同学们都说很好看。", "我会好好爱护它。"];

    private static readonly string[] CakeMiddles = ["我非常喜欢。", "您对我真好。", "我开心极了。", "真的很好吃。", "我们全家都爱吃。"];

    private static readonly string[] SignOffs = ["爱您的{sender}。", "祝您身体健康，{sender}。", "祝您天天开心，{sender}。"];

    private static readonly string[] Ungrateful = ["{gift}真难看，我不想要。", "我讨厌{gift}，下次送别的。", "{giver}，这个真难看，我不喜欢。{sender}。"];

    public override IEnumerable<string> Phrases =>
        [.. Givers, .. Gifts, .. Colours, .. Senders, .. Instructions, .. Thanks, .. Middles, .. CakeMiddles, .. SignOffs, .. Ungrateful, "大新"];

    protected override int MaxWords => 60;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("no-thanks", 1.2, (p, s, r) => "亲爱的" + s.Giver + "\uff0c" + r.Choose(Middles) + Fill(r.Choose(SignOffs), s)),
        new("wrong-giver", 1.2, (p, s, r) => Good(s with { Giver = Other(Givers, r, s.Giver) }, r)),
        new("wrong-gift", 1.2, (p, s, r) => Good(s with { Noun = Other(Gifts, r, s.Noun) }, r)),
        new("no-sign-off", 1.2, (p, s, r) => Fill(r.Choose(Thanks), s) + r.Choose(Middles)),
        new("ungrateful", 1.5, (p, s, r) => Fill(r.Choose(Ungrateful), s)),
    ];

    protected override ChineseThanksSpec DrawSpec(Philox random)
    {
        var noun = random.Choose(Gifts);
        return new ChineseThanksSpec(random.Choose(Givers), noun == "蛋糕" ? "大" : noun == "故事书" ? "新" : random.Choose(Colours), noun, random.Choose(Senders));
    }

    protected override string Instruction(ChineseThanksSpec spec, Philox random) => Fill(random.Choose(Instructions), spec);

    protected override string Good(ChineseThanksSpec spec, Philox random)
    {
        var middle = random.Choose(spec.Noun == "蛋糕" ? CakeMiddles : Middles);
        return Fill(random.Choose(Thanks), spec) + middle + Fill(random.Choose(SignOffs), spec);
    }

    protected override IEnumerable<TaskCheck> Check(ChineseThanksSpec spec, AnswerText answer)
    {
        var last = " " + string.Join(' ', answer.Sentences[^1]) + " ";
        yield return Is("thanks", 0.25, answer.MentionsAny(["谢谢", "感谢"]));
        yield return Is("giver-addressed", 0.2, answer.Mentions(spec.Giver));
        yield return Is("gift-named", 0.2, answer.Mentions(spec.Noun));
        yield return Graded("signed", 0.2, last.Contains(" " + string.Join(' ', spec.Sender.ToCharArray()) + " ", StringComparison.Ordinal) ? 1 : answer.Mentions(spec.Sender) ? 0.5 : 0);
        yield return Graded("two-sentences-complete", 0.15, !answer.EndsComplete ? 0 : answer.Sentences.Count >= 3 ? 1 : answer.Sentences.Count == 2 ? 0.5 : 0);
    }

    private static string Fill(string template, ChineseThanksSpec spec) => Template.Fill(template, new Dictionary<string, string>
    {
        ["giver"] = spec.Giver,
        ["gift"] = spec.Adjective + spec.Noun,
        ["sender"] = spec.Sender,
    });
}

/// <summary>The facts of a Chinese thank-you note.</summary>
/// <param name="Giver">Who is thanked.</param>
/// <param name="Adjective">Which one it is.</param>
/// <param name="Noun">The present.</param>
/// <param name="Sender">Who signs.</param>
internal sealed record ChineseThanksSpec(string Giver, string Adjective, string Noun, string Sender);
