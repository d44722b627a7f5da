using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Distributed;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;
using Trainer.Service.Algorithms.Preference;
using Trainer.Service.Algorithms.Pretraining;
using Trainer.Service.Algorithms.Sft;

namespace Trainer.Service.Tests.Algorithms;

/// <summary>What a test changes about a run, whatever the method.</summary>
internal sealed record RunKnobs
{
    public int MicroBatchSize { get; init; }

    public bool GradientCheckpointing { get; init; }

    public double EmaDecay { get; init; }

    /// <summary>A large one makes AdamW's update nearly proportional to the gradient, so that rounding stays rounding.</summary>
    public double AdamEpsilon { get; init; } = 1e-8;

    public string? States { get; init; }

    public Action<TrainingProgress>? Progress { get; init; }

    public CancellationToken Stop { get; init; }

    public Action? SaveAverage { get; init; }

    public DataParallel Ranks { get; init; } = DataParallel.Alone;
}

/// <summary>A short run of every training method on a tiny model.</summary>
internal static class EveryMethod
{
    /// <summary>Optimizer steps or updates of each run; a state is saved after every second one.</summary>
    public const int Steps = 8;

    private static readonly PreferenceExample[] Pairs =
    [
        new([2, 3], [4, 5, TinyModels.Eos], [6, TinyModels.Eos]),
        new([6], [7, 8, 9, TinyModels.Eos], [10, 11, TinyModels.Eos]),
        new([10, 11, 12], [13, TinyModels.Eos], [14, 15, 14, TinyModels.Eos]),
        new([3, 2], [14, 15, 14, 15, TinyModels.Eos], [2, TinyModels.Eos]),
    ];

    private static readonly UnpairedExample[] Answers =
        [.. Pairs.Select(p => new UnpairedExample(p.Prompt, p.Chosen, true)), .. Pairs.Select(p => new UnpairedExample(p.Prompt, p.Rejected, false))];

    private static readonly int[][] Prompts = [[2, 3], [4], [5, 6, 7], [8, 2]];

    private static readonly Tokenizer Tokenizer = BpeTrainer.Train(["one two three four five"], 262, ["<|endoftext|>"]);

    public static IReadOnlyList<string> Names { get; } = ["pretrain", "sft", "dpo", "kto", "orpo", "simpo", "ppo", "ppo-value-head", "grpo", "rloo", "reinforce", "raft", "online-dpo"];

    public static CausalLanguageModel Policy(string method) => method == "pretrain" ? TinyModels.Policy(vocabSize: Tokenizer.VocabSize) : TinyModels.Policy();

    public static IReadOnlyList<TrainingProgress> Run(string method, CausalLanguageModel policy, RunKnobs knobs)
    {
        switch (method)
        {
            case "pretrain":
                var pretraining = new PretrainConfig
                {
                    Steps = Steps, ContextLength = 12, BatchSize = 4, MicroBatchSize = knobs.MicroBatchSize, WarmupSteps = 1, ReportEvery = 1, SaveEvery = 2,
                    GradientCheckpointing = knobs.GradientCheckpointing, EmaDecay = knobs.EmaDecay, AdamEpsilon = knobs.AdamEpsilon,
                };
                return new PretrainTrainer(pretraining, policy, Tokenizer, index => $"one two {index} three") { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "sft":
                var demonstrations = Pairs.Select(p => new SftExample(p.Prompt, p.Chosen)).ToArray();
                return new SftTrainer(Offline(new SftConfig()), policy, demonstrations, demonstrations) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "dpo":
                return new DpoTrainer(Offline(new DpoConfig()), policy, Pairs, Pairs) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "kto":
                return new KtoTrainer(Offline(new KtoConfig()) with { Epochs = Steps / 2 }, policy, Answers, Answers) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "orpo":
                return new OrpoTrainer(Offline(new OrpoConfig()), policy, Pairs, Pairs) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "simpo":
                return new SimpoTrainer(Offline(new SimpoConfig()), policy, Pairs, Pairs) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks }.Train(knobs.States, knobs.Progress, knobs.Stop);
            case "ppo" or "ppo-value-head":
                var ppo = new PpoConfig
                {
                    Updates = Steps, BatchSize = 8, MaxNewTokens = 6, LearningRate = 1e-3, MinibatchCount = 2, Epochs = 2, KlTarget = 6, SaveEvery = 2,
                    MicroBatchSize = knobs.MicroBatchSize, GradientCheckpointing = knobs.GradientCheckpointing, EmaDecay = knobs.EmaDecay, AdamEpsilon = knobs.AdamEpsilon, ValueHead = method == "ppo-value-head",
                };
                using (torch.nn.Module critic = ppo.ValueHead ? new ValueHead(policy, new Philox(7)) : TinyModels.Critic(policy))
                using (var trainer = new PpoTrainer(ppo, policy, critic, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            case "grpo":
                using (var trainer = new GrpoTrainer(Online(new GrpoConfig { NumGenerations = 4, Beta = 0.01 }), policy, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            case "rloo":
                using (var trainer = new RlooTrainer(Online(new RlooConfig { NumGenerations = 4 }), policy, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            case "reinforce":
                using (var trainer = new ReinforceTrainer(Online(new ReinforceConfig()), policy, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            case "raft":
                using (var trainer = new RaftTrainer(Online(new RaftConfig { NumGenerations = 2 }) with { NumIterations = 1 }, policy, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            case "online-dpo":
                var pairs = Online(new OnlineDpoConfig { NumGenerations = 4 }) with { NumIterations = 1, MicroBatchSize = knobs.MicroBatchSize == 0 ? 0 : 2 };
                using (var trainer = new OnlineDpoTrainer(pairs, policy, Prompts, Score) { SaveAverage = knobs.SaveAverage, Ranks = knobs.Ranks })
                {
                    return trainer.Train(knobs.States, knobs.Progress, knobs.Stop);
                }

            default:
                throw new ArgumentException(method);
        }

        T Offline<T>(T config)
            where T : OfflineTrainingConfig =>
            config with
            {
                Epochs = Steps, BatchSize = 4, MicroBatchSize = knobs.MicroBatchSize, LearningRate = 1e-3, SaveEvery = 2, EvaluateEvery = 3,
                GradientCheckpointing = knobs.GradientCheckpointing, EmaDecay = knobs.EmaDecay, AdamEpsilon = knobs.AdamEpsilon,
            };

        T Online<T>(T config)
            where T : OnlineTrainingConfig =>
            config with
            {
                Updates = Steps, BatchSize = 8, MaxNewTokens = 6, MinibatchCount = 2, NumIterations = 2, LearningRate = 1e-3, SaveEvery = 2,
                MicroBatchSize = knobs.MicroBatchSize, GradientCheckpointing = knobs.GradientCheckpointing, EmaDecay = knobs.EmaDecay, AdamEpsilon = knobs.AdamEpsilon,
            };
    }

    private static IReadOnlyList<float> Score(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses) =>
        [.. responses.Select(r => r.Count(t => t == 9) / (float)r.Length)];
}
