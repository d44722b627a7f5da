using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;
using Rlhf.TestSupport;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Evaluation.LanguageModeling;
using Rlhf.Training.Evaluation.Tasks;
using Rlhf.Training.Hyperparameters;

namespace Rlhf.Training.Tests.Evaluation;

/// <summary>On the model that ships; how good it is is not looked at.</summary>
public sealed class ModelEvaluationTests
{
    internal static readonly string Model = Path.Combine(AppContext.BaseDirectory, "models", "base");

    internal static readonly EvaluationConfig Small = new()
    {
        Tasks = ["perplexity", "question", "instruction_following", "bias_pairs", "refusal", "repetition", "closed_world"],
        Limit = 2,
        NumFewshot = 1,
        MaxNewTokens = 8,
        PerplexityDocuments = 3,
        NgramOrder = 2,
        BootstrapIters = 100,
    };

    [Fact]
    public void Measure_EverySuite_SameNumbersForTheSameSeed()
    {
        using var model = EvaluatedModel.Load(Model);
        var measures = new ModelEvaluation(model, Small, new(), seed: 3).Measure();

        Assert.Equal(measures, new ModelEvaluation(model, Small, new(), seed: 3).Measure());
        Assert.Equal(Small.Tasks.Order(StringComparer.Ordinal), measures.Select(m => m.Task).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["zero-shot", "1-shot", "1-shot-cot"], measures.Where(m => m is { Task: "question", Metric: "pass_rate" }).Select(m => m.Variant));
        Assert.Equal(["model", "kneser-ney-2"], measures.Where(m => m is { Task: "perplexity", Metric: "perplexity" }).Select(m => m.Variant));
        Assert.All(measures, m => Assert.True(m.Count > 0 && double.IsFinite(m.Value), m.ToString()));
        Assert.All(measures.Where(m => m.Low is not null), m => Assert.True(m.Low <= m.Value + 1e-9 && m.Value <= m.High + 1e-9, m.ToString()));

        // Task, variant and metric name a result: they are its key in the database.
        Assert.Distinct(measures.Select(m => (m.Task, m.Variant, m.Metric)));
    }

    [Fact]
    public void Compare_AgainstItself_IsOneHalfByEveryJudge()
    {
        using var model = EvaluatedModel.Load(Model);
        using var reward = ScalarHeadModel.FromCausal(model.Model, new Philox(1));
        var comparison = new ModelEvaluation(model, Small, new(), seed: 3).Compare(model, reward);

        Assert.Equal(
            ["checker/win_rate", "checker/length_controlled_winrate", "reward-model/win_rate", "reward-model/length_controlled_winrate"],
            comparison.Measures.Select(m => $"{m.Variant}/{m.Metric}"));
        Assert.All(comparison.Measures, m => Assert.Equal((0.5, 0.5, 0.5), (Math.Round(m.Value, 6), Math.Round(m.Low!.Value, 6), Math.Round(m.High!.Value, 6))));
    }

    [Fact]
    public void Compare_PromptsWithoutAFamily_HaveNoChecker()
    {
        using var model = EvaluatedModel.Load(Model);
        var inputs = new EvaluationInputs { Comparisons = [new("Say hello.", null)] };
        Assert.Empty(new ModelEvaluation(model, Small, inputs, seed: 3).Compare(model, null).Measures);
    }

    [Fact]
    public void Rolling_WindowsOfAnyBatch_AddUpToTheWholeText()
    {
        using var model = EvaluatedModel.Load(Model);

        // More tokens than the model has positions.
        var text = string.Join(' ', Enumerable.Repeat("The cat found a red ball in the garden.", 60));
        var one = RollingLikelihood.Measure(model.Model, model.Tokenizer, [text, "", "A dog."], batchSize: 1);
        var many = RollingLikelihood.Measure(model.Model, model.Tokenizer, [text, "", "A dog."], batchSize: 8);

        Assert.Equal(2, one.Count);
        Assert.True(one[0].Tokens > model.Model.Config.MaxPositionEmbeddings);
        Assert.Equal((60 * 9, text.Length), (one[0].Words, one[0].Bytes));

        // float32 sums over a few hundred tokens in another order.
        Assert.All(one.Zip(many), p => Assert.Equal(p.First.Nats, p.Second.Nats, 1e-4 * p.First.Nats));
    }

    [Fact]
    public void Dialogues_ExamplesThatDoNotFit_AreLeftOutFirstOnesFirst()
    {
        var family = TaskFamilyRegistry.Find("sum");
        var questions = TaskPromptSet.Draw(family, 2, heldOut: true, seed: 1);
        var all = new TaskVariant(3, false).Dialogues(family, questions, 1, _ => true);
        var cut = new TaskVariant(3, false).Dialogues(family, questions, 1, d => Turns(d) <= 2);

        Assert.All(all, d => Assert.Equal(4, Turns(d)));
        Assert.All(cut.Zip(all), p => Assert.EndsWith(p.First, p.Second, StringComparison.Ordinal));
        Assert.All(cut.Zip(questions), p => Assert.EndsWith(DialogueFormat.Prompt(p.Second.Text), p.First, StringComparison.Ordinal));
    }

    [Fact]
    public void Dialogues_ChainOfThought_ExamplesShowStepsThatTheJudgeDoesNotSee()
    {
        var family = TaskFamilyRegistry.Find("sum");
        var question = TaskPromptSet.Draw(family, 1, heldOut: true, seed: 1)[0];
        var variant = new TaskVariant(1, true);
        var dialogue = variant.Dialogues(family, [question], 1, _ => true)[0];

        Assert.Contains(" The answer is: ", dialogue, StringComparison.Ordinal);
        Assert.EndsWith("Let's think step by step.\n\nAssistant:", new TaskVariant(0, true).Dialogues(family, [question], 1, _ => true)[0], StringComparison.Ordinal);
        Assert.Equal("Ben has two balls.", variant.Judged("Two and zero make two. The answer is: Ben has two balls."));
        Assert.Equal("Ben has two balls.", variant.Judged("Ben has two balls."));
    }

    [Fact]
    public void Validate_EveryFault_AtOnce()
    {
        var exception = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<EvaluationConfig>(
            """{"tasks":["perplexity","no-such"],"num_fewshot":-1,"limit":0,"ngram_order":11,"bootstrap_iters":1,"batch_size":0,"max_new_tokens":0,"temperature":-1,"perplexity_documents":0,"blind_comparisons":-1}"""));
        Assert.Equal(10, exception.Faults.Count);
        Assert.Contains("tasks has 'no-such'; legal values: perplexity,", exception.Message, StringComparison.Ordinal);
        Assert.Equal("tasks is empty; at least one is needed.", Assert.Single(new EvaluationConfig { Tasks = [] }.Validate()));
        Assert.Empty(new EvaluationConfig().Validate());
    }

    private static int Turns(string dialogue) => dialogue.Split("\n\nHuman:").Length - 1;
}
