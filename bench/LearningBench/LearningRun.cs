using Rlhf.Bench.Learning.Tasks;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Bench.Learning;

/// <summary>How far a run went.</summary>
/// <param name="Step">Optimizer steps, or updates of methods that sample.</param>
/// <param name="Score">The mean score of about 200 responses, as many to every prompt.</param>
public sealed record CurvePoint(int Step, double Score);

/// <summary>Sizes of the runs: the bench's, or a test's of a second or two.</summary>
/// <param name="Width">Width of the model, two blocks of two heads.</param>
/// <param name="Walks">Random responses that the first policy and the offline methods learn from.</param>
/// <param name="StartSteps">Steps in which the policy learns to answer as they do.</param>
/// <param name="Steps">Steps of the offline methods.</param>
/// <param name="Updates">Updates of the methods that sample.</param>
/// <param name="BatchSize">Responses or examples of each.</param>
/// <param name="Points">Evaluations on the way.</param>
public sealed record LearningSize(int Width, int Walks, int StartSteps, int Steps, int Updates, int BatchSize, int Points)
{
    /// <summary>The bench's.</summary>
    public static LearningSize Full { get; } = new(64, 1000, 150, 240, 60, 64, 12);
}

/// <summary>Trains a tiny policy on a task with one method. All of them start from a policy that answers as the task's random responses do.</summary>
/// <param name="task">The task.</param>
/// <param name="size">How large and how long.</param>
/// <param name="seed">Of weights, data and samples.</param>
public sealed class LearningRun(ILearningTask task, LearningSize size, ulong seed)
{
    private readonly List<CurvePoint> _curve = [];

    /// <summary>The methods there are.</summary>
    public static IReadOnlyList<string> Methods { get; } = ["sft", "dpo", "kto", "orpo", "simpo", "ppo", "grpo", "rloo", "reinforce"];

    /// <summary>Runs a method.</summary>
    /// <returns>Scores before the first step and on the way.</returns>
    public IReadOnlyList<CurvePoint> Train(string method)
    {
        using var scope = NewDisposeScope();
        var data = RandomResponses();
        using var policy = Start(data);
        _curve.Clear();
        _curve.Add(new(0, Evaluate(policy)));
        switch (method)
        {
            case "sft":
                var best = Best(data);
                new SftTrainer(Config<SftConfig>(1e-3, best.Length), policy, best).Train(progress: Record);
                break;
            case "dpo":
                var pairs = Pairs(data);
                var losses = new DpoLossType[] { DpoLossType.Sigmoid, DpoLossType.Sft };
                new DpoTrainer(Config<DpoConfig>(3e-4, pairs.Length) with { LossType = losses }, policy, pairs).Train(progress: Record);
                break;
            case "kto":
                var judged = Judged(data);
                new KtoTrainer(Config<KtoConfig>(2e-4, judged.Length), policy, judged).Train(progress: Record);
                break;
            case "orpo":
                pairs = Pairs(data);
                new OrpoTrainer(Config<OrpoConfig>(1e-3, pairs.Length) with { Beta = 1 }, policy, pairs).Train(progress: Record);
                break;
            case "simpo":
                pairs = Pairs(data);
                new SimpoTrainer(Config<SimpoConfig>(3e-4, pairs.Length), policy, pairs).Train(progress: Record);
                break;
            case "ppo":
                using (var critic = ScalarHeadModel.FromCausal(policy, new Philox(seed, 3)))
                using (var trainer = new PpoTrainer(Ppo(), policy, critic, task.Prompts, Score))
                {
                    trainer.Train(progress: Record);
                }

                break;
            case "grpo":
                Online(new GrpoTrainer(Sampled<GrpoConfig>() with { NumGenerations = 8 }, policy, task.Prompts, Score), Record);
                break;
            case "rloo":
                Online(new RlooTrainer(Sampled<RlooConfig>() with { NumGenerations = 8, Beta = 0.001 }, policy, task.Prompts, Score), Record);
                break;
            case "reinforce":
                Online(new ReinforceTrainer(Sampled<ReinforceConfig>() with { Beta = 0.001 }, policy, task.Prompts, Score), Record);
                break;
            default:
                throw new ArgumentException($"'{method}' is none of {string.Join(", ", Methods)}", nameof(method));
        }

        return _curve;

        void Record(TrainingProgress progress)
        {
            if (progress.Step % Math.Max(1, progress.TotalSteps / size.Points) == 0 || progress.Step == progress.TotalSteps)
            {
                _curve.Add(new(progress.Step, Evaluate(policy)));
            }
        }
    }

    private (int[] Prompt, int[] Response, double Score)[] RandomResponses()
    {
        var random = new Philox(seed, 1);
        return [.. Enumerable.Range(0, size.Walks).Select(i =>
        {
            var prompt = task.Prompts[i % task.Prompts.Count];
            var response = task.Random(prompt, random);
            return (prompt, response, task.Score(prompt, response));
        })];
    }

    private CausalLanguageModel Start((int[] Prompt, int[] Response, double Score)[] data)
    {
        var policy = new CausalLanguageModel(new TransformerConfig
        {
            VocabSize = task.VocabSize,
            HiddenSize = size.Width,
            IntermediateSize = 2 * size.Width,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 2,
            HeadDim = size.Width / 2,
            MaxPositionEmbeddings = 32,
            EosTokenIds = [ILearningTask.Eos],
            PadTokenId = ILearningTask.Pad,
        });
        policy.Initialize(new Philox(seed, 2));
        var config = new SftConfig { Seed = seed, BatchSize = size.BatchSize, Epochs = Epochs(size.StartSteps, data.Length), LearningRate = 1e-2, WarmupSteps = 5 };
        new SftTrainer(config, policy, [.. data.Select(d => new SftExample(d.Prompt, d.Response))]).Train();
        return policy;
    }

    // The best tenth of the random responses to every prompt.
    private static SftExample[] Best((int[] Prompt, int[] Response, double Score)[] data) =>
        [.. data.GroupBy(d => d.Prompt[0] + (d.Prompt[^1] * 1000)).SelectMany(g => g.OrderByDescending(d => d.Score).Take(Math.Max(1, g.Count() / 10)))
            .Select(d => new SftExample(d.Prompt, d.Response))];

    // Neighbours among the random responses to a prompt, the better one chosen.
    private static PreferenceExample[] Pairs((int[] Prompt, int[] Response, double Score)[] data) =>
        [.. from g in data.GroupBy(d => d.Prompt[0] + (d.Prompt[^1] * 1000))
            from pair in g.Zip(g.Skip(1))
            where pair.First.Score != pair.Second.Score
            let first = pair.First.Score > pair.Second.Score
            select new PreferenceExample(pair.First.Prompt, first ? pair.First.Response : pair.Second.Response, first ? pair.Second.Response : pair.First.Response)];

    // Good is what is better than the mean of its prompt.
    private static UnpairedExample[] Judged((int[] Prompt, int[] Response, double Score)[] data) =>
        [.. from g in data.GroupBy(d => d.Prompt[0] + (d.Prompt[^1] * 1000))
            let mean = g.Average(d => d.Score)
            from d in g
            select new UnpairedExample(d.Prompt, d.Response, d.Score > mean)];

    private T Config<T>(double learningRate, int examples)
        where T : OfflineTrainingConfig, new() => new() { Seed = seed, BatchSize = size.BatchSize, LearningRate = learningRate, Epochs = Epochs(size.Steps, examples) };

    private T Sampled<T>()
        where T : OnlineTrainingConfig, new() => new()
    {
        Seed = seed,
        Updates = size.Updates,
        BatchSize = size.BatchSize,
        LearningRate = 1e-3,
        Schedule = ScheduleKind.Constant,
        MaxNewTokens = task.MaxNewTokens,
        RatioTolerance = 1e-4,
    };

    private PpoConfig Ppo() => new()
    {
        Seed = seed,
        Updates = size.Updates,
        BatchSize = size.BatchSize,
        LearningRate = 1e-3,
        Schedule = ScheduleKind.Constant,
        KlCoefficient = 0.001,
        MissingEosScore = 0,
        MaxNewTokens = task.MaxNewTokens,
        RatioTolerance = 1e-4,
    };

    private static void Online<TConfig>(OnlineTrainer<TConfig> trainer, Action<TrainingProgress> record)
        where TConfig : OnlineTrainingConfig
    {
        using (trainer)
        {
            trainer.Train(progress: record);
        }
    }

    private float[] Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) => [.. prompts.Select((p, i) => (float)task.Score(p, responses[i]))];

    private double Evaluate(CausalLanguageModel policy)
    {
        const ulong EvaluationStream = 1UL << 59;
        const int EvaluatedResponses = 200;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var each = Math.Max(1, EvaluatedResponses / task.Prompts.Count);
        var sampling = new SamplingParameters { MaxNewTokens = task.MaxNewTokens, NumReturnSequences = each };
        var responses = new Generator(policy).Generate(task.Prompts, sampling, seed, EvaluationStream);
        return responses.Select((r, i) => task.Score(task.Prompts[i / each], r.Ids)).Average();
    }

    private int Epochs(int steps, int examples) => Math.Max(1, (int)Math.Round((double)steps * size.BatchSize / examples));
}
