using Rlhf.Bench.Learning.Tasks;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using Rlhf.Training.Optimization;
using RewardModel.Service.Training;
using Trainer.Service.Algorithms.BestOfN;
using Trainer.Service.Algorithms.Distillation;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Bench.Learning;

/// <summary>How far a run went.</summary>
/// <param name="Step">Optimizer steps, updates of methods that sample, or the n of best-of-n.</param>
/// <param name="Score">The mean score of about 200 responses, as many to every prompt; of a reward model its accuracy on held-out pairs.</param>
public sealed record CurvePoint(int Step, double Score);

/// <summary>Sizes of the runs: the bench's, or a test's of a second or two.</summary>
/// <param name="Width">Width of the model, two blocks of two heads.</param>
/// <param name="Responses">Random responses that the first policy and the offline methods learn from.</param>
/// <param name="StartSteps">Steps in which the policy learns to answer as they do.</param>
/// <param name="Steps">Steps of the offline methods.</param>
/// <param name="Updates">Updates of the methods that sample.</param>
/// <param name="BatchSize">Responses or examples of each.</param>
/// <param name="Points">Evaluations on the way.</param>
public sealed record LearningSize(int Width, int Responses, int StartSteps, int Steps, int Updates, int BatchSize, int Points)
{
    /// <summary>The bench's.</summary>
    /// <param name="task">Responses in words need a first policy that has learned for longer than those of nodes and digits.</param>
    public static LearningSize Of(ILearningTask task) => task is OppositeSentences
        ? new(Width: 64, Responses: 6000, StartSteps: 150, Steps: 240, Updates: 60, BatchSize: 64, Points: 10)
        : new(Width: 64, Responses: 3000, StartSteps: 100, Steps: 120, Updates: 60, BatchSize: 64, Points: 10);
}

/// <summary>Trains a tiny policy on a task with one method. All of them start from a policy that answers as the task's random responses do.</summary>
/// <param name="task">The task.</param>
/// <param name="size">How large and how long.</param>
/// <param name="seed">Of weights, data and samples.</param>
public sealed class LearningRun(ILearningTask task, LearningSize size, ulong seed)
{
    private const ulong EvaluationStream = 1UL << 59;
    private const int EvaluatedResponses = 200;

    private readonly List<CurvePoint> _curve = [];

    /// <summary>The methods there are, and what the steps of their curves are called.</summary>
    public static IReadOnlyDictionary<string, string> Methods { get; } = new Dictionary<string, string>
    {
        ["sft"] = "steps",
        ["reward"] = "steps",
        ["best-of-n"] = "n",
        ["dpo"] = "steps",
        ["kto"] = "steps",
        ["orpo"] = "steps",
        ["simpo"] = "steps",
        ["ppo"] = "updates",
        ["grpo"] = "updates",
        ["rloo"] = "updates",
        ["reinforce"] = "updates",
        ["raft"] = "updates",
        ["online-dpo"] = "updates",
        ["distill"] = "steps",
    };

    /// <summary>Runs a method.</summary>
    /// <returns>Scores before the first step and on the way.</returns>
    public IReadOnlyList<CurvePoint> Train(string method)
    {
        using var scope = NewDisposeScope();
        var data = new LearningData(task, size.Responses, new Philox(seed, 1));
        using var policy = Policy(data.All(), size.StartSteps, stream: 2);
        _curve.Clear();
        if (method is "reward" or "best-of-n")
        {
            UseRewardModel(method, policy, data);
            return _curve;
        }

        _curve.Add(new(0, Evaluate(policy)));
        switch (method)
        {
            case "sft":
                var best = data.Best();
                new SftTrainer(Config<SftConfig>(1e-3, best.Length), policy, best).Train(progress: Record);
                break;
            case "dpo":
                var pairs = data.Pairs();
                var losses = new DpoLossType[] { DpoLossType.Sigmoid, DpoLossType.Sft };
                new DpoTrainer(Config<DpoConfig>(3e-4, pairs.Length) with { LossType = losses, LossWeights = [1, 0.1] }, policy, pairs).Train(progress: Record);
                break;
            case "kto":
                var judged = data.Judged();

                // Desirable and undesirable examples count the same in sum, as the paper recommends.
                var kto = Config<KtoConfig>(1e-3, judged.Length) with { DesirableWeight = (double)judged.Count(j => !j.IsDesirable) / judged.Count(j => j.IsDesirable) };
                new KtoTrainer(kto, policy, judged).Train(progress: Record);
                break;
            case "orpo":
                pairs = data.Pairs();
                new OrpoTrainer(Config<OrpoConfig>(1e-3, pairs.Length) with { Beta = 1 }, policy, pairs).Train(progress: Record);
                break;
            case "simpo":
                pairs = data.Pairs();

                // Without the likelihood term (CPO-SimPO) nothing keeps the chosen responses from becoming unlikely together with the rejected ones.
                new SimpoTrainer(Config<SimpoConfig>(1e-3, pairs.Length) with { CpoAlpha = 1 }, policy, pairs).Train(progress: Record);
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
            case "raft":
                Online(new RaftTrainer(Sampled<RaftConfig>() with { NumGenerations = 8 }, policy, task.Prompts, Score), Record);
                break;
            case "online-dpo":
                var online = Sampled<OnlineDpoConfig>() with { NumGenerations = 8, Temperature = 1, LearningRate = 3e-4 };
                Online(new OnlineDpoTrainer(online, policy, task.Prompts, Score), Record);
                break;
            case "distill":
                // The teacher is what sft makes of a fresh model; the student sees no good response but through it.
                using (var teacher = Policy(data.Best(), size.Steps, stream: 4))
                {
                    var all = data.All();
                    var config = Config<DistillationConfig>(1e-3, all.Length) with { MaxNewTokens = task.MaxNewTokens };
                    new DistillationTrainer(config, policy, teacher, all).Train(progress: Record);
                }

                break;
            default:
                throw new ArgumentException($"'{method}' is none of {string.Join(", ", Methods.Keys)}", nameof(method));
        }

        return _curve;

        void Record(TrainingProgress progress) => Add(progress, () => Evaluate(policy));
    }

    /// <summary>A reward model learns from pairs; its accuracy on others is the curve, or what the best of n by its scores are worth.</summary>
    private void UseRewardModel(string method, CausalLanguageModel policy, LearningData data)
    {
        using var reward = ScalarHeadModel.FromCausal(policy, new Philox(seed, 3));
        var comparisons = data.Comparisons();
        var heldOut = new LearningData(task, size.Responses / 2, new Philox(seed, 5)).Comparisons(except: comparisons);
        var trainer = new RewardModelTrainer(Config<RewardModelConfig>(1e-3, comparisons.Length), reward, comparisons, heldOut);
        if (method == "reward")
        {
            _curve.Add(new(0, trainer.Evaluate().Accuracy.Value));
            trainer.Train(progress: progress => Add(progress, () => trainer.Evaluate().Accuracy.Value));
            return;
        }

        trainer.Train();
        var sampler = new BestOfNSampler(new Generator(policy), (prompts, responses) =>
            SequenceScorer.Score(reward, [.. prompts.Zip(responses, (p, r) => (int[])[.. p, .. r])], ILearningTask.Pad));
        var repeated = task.Prompts.SelectMany(p => Enumerable.Repeat(p, Math.Max(1, EvaluatedResponses / task.Prompts.Count))).ToArray();
        foreach (var n in new[] { 1, 2, 4, 8, 16 })
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var best = sampler.Sample(repeated, n, new SamplingParameters { MaxNewTokens = task.MaxNewTokens }, seed);
            _curve.Add(new(n, best.Select((r, i) => task.Score(repeated[i], r[0].Sequence.Ids)).Average()));
        }
    }

    private void Add(TrainingProgress progress, Func<double> measure)
    {
        if (progress.Step % Math.Max(1, progress.TotalSteps / size.Points) == 0 || progress.Step == progress.TotalSteps)
        {
            _curve.Add(new(progress.Step, measure()));
        }
    }

    private CausalLanguageModel Policy(SftExample[] examples, int steps, ulong stream)
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
            MaxPositionEmbeddings = 64,
            EosTokenIds = [ILearningTask.Eos],
            PadTokenId = ILearningTask.Pad,
        });
        policy.Initialize(new Philox(seed, stream));
        var config = new SftConfig { Seed = seed, BatchSize = size.BatchSize, Epochs = Epochs(steps, examples.Length), LearningRate = 1e-2, WarmupSteps = 5 };
        new SftTrainer(config, policy, examples).Train();
        return policy;
    }

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
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var each = Math.Max(1, EvaluatedResponses / task.Prompts.Count);
        var sampling = new SamplingParameters { MaxNewTokens = task.MaxNewTokens, NumReturnSequences = each };
        var responses = new Generator(policy).Generate(task.Prompts, sampling, seed, EvaluationStream);
        return responses.Select((r, i) => task.Score(task.Prompts[i / each], r.Ids)).Average();
    }

    private int Epochs(int steps, int examples) => Math.Max(1, (int)Math.Round((double)steps * size.BatchSize / examples));
}
