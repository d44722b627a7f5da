using Rlhf.Numerics;
using Rlhf.TaskFamilies.Text;

namespace Rlhf.TaskFamilies.Families;

/// <summary>A short Chinese story with a given hero and a word that it must use.</summary>
internal sealed class ChineseStoryFamily() : TaskFamily<ChineseStorySpec>("story-zh", "zh")
{
    private static readonly string[] Names = ["乐乐", "明明", "冬冬", "花花", "贝贝", "多多", "星星", "朵朵", "豆豆", "亮亮"];

    private static readonly string[] Animals = ["小兔子", "小猫", "小狗", "小熊", "小鸟", "小猴子", "小羊", "小猪", "小鸭子", "小老虎"];

    private static readonly string[] Places = ["花园", "森林", "小河", "草地", "山坡", "湖边", "公园", "果园"];

    private static readonly string[] Things = ["气球", "风筝", "娃娃", "皮球", "风车", "铃铛", "灯笼"];

    private static readonly string[] Foods = ["苹果", "蛋糕", "西瓜", "面包", "香蕉", "月饼"];

    private static readonly string[] Instructions =
        ["写一个短故事，主角是{animal}{name}，要用到“{word}”。", "请讲一个{animal}{name}的小故事，里面要有“{word}”。", "用“{word}”写一个关于{animal}{name}的故事。"];

    private static readonly string[] Openings =
        ["从前有一只{animal}，名字叫{name}。", "{animal}{name}住在大树下的小屋里。", "有一只可爱的{animal}，大家叫它{name}。", "{animal}{name}很喜欢和朋友一起玩。", "{animal}{name}又聪明又勇敢。", "森林里住着一只{animal}，名字叫{name}。"];

    private static readonly string[] Times = ["有一天", "一天早上", "春天来了", "放学以后", "天气很好"];

    private static readonly string[][][] PlaceArcs =
    [
        [
            ["{time}，它和{friend}一起去{word}玩。", "{time}，它在{word}遇见了好朋友{friend}。", "{time}，{friend}请它到{word}做客。"],
            ["它们一起唱歌，一起跳舞。", "它们玩得很高兴，一直玩到太阳下山。", "它们一起种了很多花。", "{friend}不小心摔倒了，{name}马上把它扶起来。", "忽然下雨了，它们躲在一棵大树下面。"],
        ],
        [
            ["{time}，它在{word}迷路了。", "{time}，它一个人去{word}，找不到回家的路。"],
            ["好心的{friend}听见哭声，带它回了家。", "{friend}看见了，就带着它慢慢走回家。"],
        ],
    ];

    private static readonly string[][][] ThingArcs =
    [
        [
            ["{time}，它在路上看见一个{colour}{word}。", "{time}，妈妈送给它一个{colour}{word}。"],
            ["{friend}也很喜欢，{name}就和它一起玩。", "它想了想，把{word}送给了没有玩具的{friend}。", "风把{word}吹走了，{friend}帮它找了回来。", "它把{word}送给{friend}做生日礼物。"],
        ],
    ];

    private static readonly string[][][] FoodArcs =
    [
        [
            ["{time}，它得到了一个又大又甜的{word}。", "{time}，奶奶给了它一个{word}。"],
            ["看见{friend}饿了，它就分给{friend}一半。", "它没有自己吃，把{word}送给了生病的{friend}。", "它和{friend}坐在树下，一起吃{word}。"],
        ],
    ];

    private static readonly string[] Endings =
        ["大家都很开心。", "它们成了最好的朋友。", "{friend}说：“谢谢你，{name}。”", "晚上，{name}笑着睡着了。", "{name}心里暖暖的。", "从那天起，它们天天一起玩。", "妈妈说：“{name}真是个好孩子。”"];

    private static readonly string[] Colours = ["红", "蓝", "黄", "绿", "白"];

    public override IEnumerable<string> Phrases =>
    [
        .. Names, .. Animals, .. Places, .. Things, .. Foods, .. Instructions, .. Openings, .. Times, .. Endings, .. Colours,
        .. new[] { PlaceArcs, ThingArcs, FoodArcs }.SelectMany(a => a).SelectMany(a => a).SelectMany(a => a),
    ];

    /// <summary>Chinese answers are counted in characters.</summary>
    protected override int MaxWords => 90;

    protected override IReadOnlyList<Mode> OwnModes =>
    [
        new("omits-word", 1.5, (p, s, r) => Without(s.Word, () => Good(s with { Word = Other(AllWords, r, s.Word) }, r))),
        new("wrong-name", 1.3, (p, s, r) => Without(s.Name, () => Good(s with { Name = Other(Names, r, s.Name) }, r))),
        new("wrong-animal", 1.3, (p, s, r) => Without(s.Animal, () => Good(s with { Animal = Other(Animals, r, s.Animal) }, r))),
        new("one-sentence", 0.8, (p, s, r) => Mishaps.Sentences(Good(s, r))[0]),
    ];

    private static string[] AllWords => [.. Places, .. Things, .. Foods];

    protected override ChineseStorySpec DrawSpec(Philox random) => new(random.Choose(Names), random.Choose(Animals), random.Choose(AllWords));

    protected override string Instruction(ChineseStorySpec spec, Philox random) => Template.Fill(random.Choose(Instructions), new Dictionary<string, string>
    {
        ["name"] = spec.Name,
        ["animal"] = spec.Animal,
        ["word"] = spec.Word,
    });

    protected override string Good(ChineseStorySpec spec, Philox random)
    {
        var slots = new Dictionary<string, string>
        {
            ["name"] = spec.Name,
            ["animal"] = spec.Animal,
            ["word"] = spec.Word,
            ["friend"] = Other(Animals, random, spec.Animal) + Other(Names, random, spec.Name),
            ["time"] = random.Choose(Times),
            ["colour"] = random.Choose(Colours),
        };
        var arcs = Places.Contains(spec.Word) ? PlaceArcs : Foods.Contains(spec.Word) ? FoodArcs : ThingArcs;
        var lines = new List<string> { random.Choose(Openings) };
        lines.AddRange(random.Choose(arcs).Select(beat => random.Choose(beat)));
        lines.Add(random.Choose(Endings));
        return string.Concat(lines.Select(l => Template.Fill(l, slots)));
    }

    protected override IEnumerable<TaskCheck> Check(ChineseStorySpec spec, AnswerText answer)
    {
        var count = answer.Sentences.Count;
        var otherAnimal = Animals.Any(a => a != spec.Animal && answer.Mentions(a));
        // A text about something else earns nothing for its shape.
        var onTopic = answer.Mentions(spec.Name) || answer.Mentions(spec.Animal) || answer.Mentions(spec.Word);
        yield return Is("hero-named", 0.2, answer.Mentions(spec.Name));
        yield return Graded("animal", 0.2, answer.Mentions(spec.Animal) ? 1 : otherAnimal || !onTopic ? 0 : 0.25);
        yield return Is("required-word", 0.25, answer.Mentions(spec.Word));
        yield return Graded("three-to-six-sentences", 0.2, !onTopic ? 0 : count < 3 ? (count - 1) / 2.0 : count > 6 ? 6.0 / count : 1);
        yield return Is("complete-ending", 0.15, onTopic && answer.EndsComplete && answer.Words.Count >= 8);
    }

    private static string Without(string word, Func<string> tell)
    {
        while (true)
        {
            var story = tell();
            if (!story.Contains(word, StringComparison.Ordinal))
            {
                return story;
            }
        }
    }
}

/// <summary>The facts of a Chinese story task.</summary>
/// <param name="Name">The hero.</param>
/// <param name="Animal">What the hero is.</param>
/// <param name="Word">The word that the story must use.</param>
internal sealed record ChineseStorySpec(string Name, string Animal, string Word);
