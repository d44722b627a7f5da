// B responses, T response columns, N response tokens.
using System.Diagnostics;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Distributed;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using Trainer.Service.Algorithms.Common;
using TorchSharp;
using static TorchSharp.torch;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Trainer.Service.Algorithms.Online;

/// <summary>
/// Sample, score, learn, without a critic: what GRPO, RLOO, REINFORCE++, ReMax, RAFT and online DPO have in common. A method says which responses
/// it keeps, what the advantages and the loss are. Invariants are checked in every run: ρ = 1 in the first minibatch of an update, KL = 0 before the first.
/// </summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
public abstract class OnlineTrainer<TConfig> : IDisposable
    where TConfig : OnlineTrainingConfig
{
    private const ulong PromptStream = 1UL << 60;
    private const ulong MinibatchStream = 1UL << 61;
    private const ulong GreedyStream = 1UL << 62;

    private readonly CausalLanguageModel _policy;
    private readonly IReadOnlyList<int[]> _prompts;
    private readonly ScoreResponses _score;
    private readonly int _pad;
    private CausalLanguageModel? _reference;

    private protected OnlineTrainer(TConfig config, CausalLanguageModel policy, IReadOnlyList<int[]> prompts, ScoreResponses score)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(prompts);
        var faults = new List<string>(config.Validate());
        if (prompts.Count == 0 || prompts.Any(p => p.Length == 0))
        {
            throw new ArgumentException("There must be at least one prompt, and no prompt may be empty.", nameof(prompts));
        }

        if (policy.Config.EosTokenIds.Length == 0)
        {
            throw new ArgumentException("The policy's configuration names no EOS token; a response could never end.", nameof(policy));
        }

        var longest = prompts.Max(p => p.Length);
        if (longest + config.MaxNewTokens > policy.Config.MaxPositionEmbeddings)
        {
            faults.Add($"max_new_tokens is {config.MaxNewTokens}; with the longest prompt ({longest} tokens) that exceeds the model's {policy.Config.MaxPositionEmbeddings} positions.");
        }

        if (faults.Count > 0)
        {
            throw new HyperparametersException(typeof(TConfig).Name, faults);
        }

        (Config, _policy, _prompts, _score) = (config, policy, prompts, score);
        _pad = policy.Config.PadTokenId ?? policy.Config.EosTokenIds[0];
        _policy.Bf16 = MixedPrecision.Use(config.Bf16, _policy);
        _policy.GradientCheckpointing = config.GradientCheckpointing;
    }

    /// <summary>Told about saved states that are damaged and were passed over, and about what guards see.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the policy, to save them; afterwards the policy has its own again. Never called
    /// without an average (ema_decay 0).
    /// </summary>
    public Action? SaveAverage { get; init; }

    /// <summary>What is measured every <see cref="OnlineTrainingConfig.EvaluateEvery"/> updates; null measures nothing.</summary>
    public HeldOutScore? HeldOut { get; init; }

    /// <summary>The adapter to train instead of the policy's own weights; the reference is then the policy without it. Null: the whole policy.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The processes that train together, each sampling and learning from its share. Default: this one alone.</summary>
    public DataParallel Ranks { get; init; } = DataParallel.Alone;

    /// <summary>The hyperparameters.</summary>
    protected TConfig Config { get; }

    /// <summary>Whether the method wants the score of the greedy response to each prompt.</summary>
    private protected virtual bool UsesGreedyBaseline => false;

    /// <summary>How many rows beside each other a micro-batch must not separate.</summary>
    private protected virtual int RowsTogether => 1;

    /// <summary>Runs to the end, continuing from the newest state in <paramref name="stateDirectory"/> if there is one.</summary>
    /// <param name="stateDirectory">Where states are saved; null saves none.</param>
    /// <param name="progress">Called after every update.</param>
    /// <param name="stop">Saves the state before the current update and stops.</param>
    /// <returns>All reports of the run, without wall-clock metrics.</returns>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    /// <exception cref="TrainingGuardException">When an invariant of the run does not hold.</exception>
    public IReadOnlyList<TrainingProgress> Train(
        string? stateDirectory = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        Ranks.Broadcast(_policy.parameters().Concat(Adapter?.NamedParameters().Select(p => p.Parameter) ?? []));

        // Outside the scope: it lives as long as the trainer.
        KeepReference();
        using var everything = NewDisposeScope();
        var trainable = (Adapter?.NamedParameters() ?? _policy.named_parameters()).ToArray();
        var schedule = new LearningRateSchedule(Config.Schedule, Config.LearningRate, Config.Updates, Config.WarmupUpdates, DecaySteps: Config.NumDecaySteps);
        using var optimizer = new AdamWOptimizer(trainable, Config.Adam());
        using var average = ExponentialMovingAverage.Create(trainable, Config.EmaDecay);
        var promptOrder = new EpochOrder(_prompts.Count, Config.Seed, PromptStream);
        var generator = new Generator(_policy);
        var guards = new HealthGuards(Config.Guards, Warn);
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(Config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        var firstUpdate = 0;

        using (var state = Ranks.LoadLatest(store, configuration, Warn))
        {
            if (state is not null)
            {
                firstUpdate = state.Step;
                state.Restore("policy", trainable);
                state.Restore("optimizer", optimizer);
                average?.Restore(state);
                history.AddRange(state.History);
            }
        }

        for (var update = firstUpdate; update < Config.Updates; update++)
        {
            if (Ranks.Any(stop.IsCancellationRequested))
            {
                SaveState(update);
                throw new OperationCanceledException(stop);
            }

            using var scope = NewDisposeScope();
            var clock = Stopwatch.StartNew();
            Samples samples;
            try
            {
                // Several ranks stop together, between two updates.
                samples = Sample(update, promptOrder, generator, Ranks.Size == 1 ? stop : CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                SaveState(update);
                throw;
            }

            var kept = Keep(samples);
            var rolloutSeconds = clock.Elapsed.TotalSeconds;
            clock.Restart();
            var learningRate = schedule.At(update);
            var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
            AddSampleMetrics(samples, metrics);
            if (kept.Length > 0)
            {
                var rollout = Observe(update, samples.Select(kept));
                Tensor advantages_BT;
                using (no_grad())
                {
                    advantages_BT = Advantages(rollout) * rollout.Mask_BT;
                }

                Learn(update, rollout, advantages_BT, optimizer, average, learningRate, metrics);
                AddRolloutMetrics(rollout, metrics);
            }

            foreach (var (name, value) in metrics)
            {
                TrainingGuards.RequireFinite(value, name, update);
            }

            var done = update + 1;
            metrics[MetricNames.TrainLearningRate] = learningRate;
            metrics[MetricNames.Episode] = (double)done * Config.BatchSize;
            if (HeldOut is not null && Config.EvaluateEvery > 0 && (done % Config.EvaluateEvery == 0 || done == Config.Updates))
            {
                metrics[MetricNames.EvaluationScore] = HeldOut.Measure(_policy, Config.Sampling(), Config.Seed, Config.BatchSize, stop);
            }

            history.Add(new TrainingProgress(done, Config.Updates, metrics));
            guards.Watch(history);
            progress?.Invoke(new TrainingProgress(done, Config.Updates, new Dictionary<string, double>(metrics, StringComparer.Ordinal)
            {
                [MetricNames.RolloutSeconds] = rolloutSeconds,
                [MetricNames.LearnSeconds] = clock.Elapsed.TotalSeconds,
            }));
            if (done % Config.SaveEvery == 0 || done == Config.Updates)
            {
                SaveState(done);
            }
        }

        optimizer.ZeroGrad();
        average?.ShowTo(SaveAverage);
        return history;

        void SaveState(int update)
        {
            if (store is null || !Ranks.IsMain)
            {
                return;
            }

            using var state = new TrainingState(update, configuration);
            state.Add("policy", trainable);
            state.Add("optimizer", optimizer);
            average?.Save(state);
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reference?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The rows of the responses that teach, in the order in which the method wants them. Default all.</summary>
    private protected virtual int[] Keep(Samples samples) => [.. Enumerable.Range(0, samples.Responses.Length)];

    /// <summary>Adds what only this method can show of a rollout. Called without gradients.</summary>
    private protected virtual void AddMetrics(Rollout rollout, Dictionary<string, double> metrics)
    {
    }

    /// <summary>The advantage of every response token [B, T].</summary>
    private protected abstract Tensor Advantages(Rollout rollout);

    /// <summary>1 at the tokens that teach, for a whole optimizer step [B, T].</summary>
    private protected virtual Tensor Teaches(Rollout rollout) => rollout.Mask_BT;

    /// <summary>What each token's loss counts, from the mask of a whole optimizer step.</summary>
    private protected abstract Tensor Weights(Tensor mask_BT);

    /// <summary>The loss of some rows, such that the sum over micro-batches is the step's loss.</summary>
    private protected abstract PolicyGradientResult Loss(
        Tensor logprobs_BT, Tensor oldLogprobs_BT, Tensor? refLogprobs_BT, Tensor advantages_BT, Tensor mask_BT, Tensor weights_BT);

    private void KeepReference()
    {
        if (_reference is not null || Adapter is not null || !Config.UsesReference)
        {
            return;
        }

        _reference = _policy.Clone();
        foreach (var parameter in _reference.parameters())
        {
            parameter.requires_grad_(false);
        }
    }

    private Samples Sample(int update, EpochOrder promptOrder, Generator generator, CancellationToken stop)
    {
        var groups = Config.BatchSize / Config.GroupSize;
        var firstGroup = (long)update * groups;
        var unique = Enumerable.Range(0, groups).Select(i => _prompts[promptOrder.At(firstGroup + i)]).ToArray();
        var sampling = Config.Sampling() with { NumReturnSequences = Config.GroupSize };
        var block = Ranks.Block(groups);
        var mine = unique.AsSpan(block.Start, block.Count).ToArray();
        var first = ((ulong)update * (ulong)Config.BatchSize) + (ulong)(block.Start * Config.GroupSize);
        var responses = Ranks.Gather(generator.Generate(mine, sampling, Config.Seed, first, stop).Select(s => s.Ids).ToArray());
        int[][] prompts = [.. unique.SelectMany(p => Enumerable.Repeat(p, Config.GroupSize))];
        var endsWithEos = responses.Select(EndsWithEos).ToArray();
        float[] baselines = [];
        if (UsesGreedyBaseline)
        {
            var greedy = Ranks.Gather(
                generator.Generate(mine, Config.Sampling() with { Temperature = 0 }, Config.Seed, GreedyStream + (ulong)update, stop).Select(s => s.Ids).ToArray());
            var scores = Score(update, unique, greedy, [.. greedy.Select(EndsWithEos)]);
            baselines = [.. scores.SelectMany(s => Enumerable.Repeat(s, Config.GroupSize))];
        }

        return new Samples(prompts, responses, endsWithEos, Score(update, prompts, responses, endsWithEos), baselines);
    }

    private Rollout Observe(int update, Samples samples)
    {
        using var noGrad = no_grad();
        var columns = samples.Responses.Max(r => r.Length);
        var mask_BT = MaskedMath.UpTo(tensor(samples.Responses.Select(r => (long)r.Length - 1).ToArray()), columns, float32);
        var logprobs_BT = Observe(update, samples, columns, _policy);
        Tensor? reference_BT = null;
        if (Config.UsesReference)
        {
            using var original = Adapter?.Disable();
            reference_BT = Observe(update, samples, columns, _reference ?? _policy);
            if (update == 0 && Adapter is null)
            {
                TrainingGuards.RequireNoInitialKl((logprobs_BT - reference_BT).abs().max().item<float>(), Config.RatioTolerance);
            }
        }

        return new Rollout(samples, mask_BT, logprobs_BT, reference_BT);
    }

    private float[] Score(int update, int[][] prompts, int[][] responses, bool[] endsWithEos)
    {
        var (start, count) = Ranks.Block(responses.Length);
        var mine = count == 0 ? [] : _score(prompts.AsSpan(start, count).ToArray(), responses.AsSpan(start, count).ToArray());
        if (mine.Count != count)
        {
            throw new InvalidOperationException($"The score function gave {mine.Count} scores for {count} responses.");
        }

        var scores = Ranks.Gather(mine.ToArray());
        foreach (var score in scores)
        {
            TrainingGuards.RequireFinite(score, "a score", update);
        }

        return [.. scores.Select((score, i) => endsWithEos[i] ? score : score - (float)Config.MissingEosPenalty)];
    }

    // The very micro-batches of the first pass: products of matrices of another shape round differently, and ρ is to start at 1.
    private Tensor Observe(int update, Samples samples, int columns, CausalLanguageModel model)
    {
        var parts = new List<Tensor>();
        int[][] microBatches = [.. Minibatches(update, iteration: 0, samples).SelectMany(minibatch => MicroBatches(minibatch.Length).Select(places => At(minibatch, places)))];
        foreach (var rows in microBatches)
        {
            using var scope = NewDisposeScope();
            parts.Add(Logprobs(model, Batch(samples, rows, columns)).MoveToOuterDisposeScope());
        }

        return Ranks.JoinRows(parts, [.. microBatches.SelectMany(rows => rows)], samples.Responses.Length, columns);
    }

    private void Learn(
        int update,
        Rollout rollout,
        Tensor advantages_BT,
        AdamWOptimizer optimizer,
        ExponentialMovingAverage? average,
        double learningRate,
        Dictionary<string, double> metrics)
    {
        var shown = new List<Tensor>();
        double firstRatioError = 0;
        var teaches_BT = Teaches(rollout);
        for (var iteration = 0; iteration < Config.NumIterations; iteration++)
        {
            foreach (var minibatch in Minibatches(update, iteration, rollout.Samples))
            {
                using var scope = NewDisposeScope();
                optimizer.ZeroGrad();
                var all = Rows(minibatch);
                var weights_MT = Weights(teaches_BT.index_select(0, all));
                var tokens = rollout.Mask_BT.index_select(0, all).sum();
                var sums = new List<Tensor>();
                var ratioErrors = new List<Tensor>();
                foreach (var places in MicroBatches(minibatch.Length))
                {
                    using var microScope = NewDisposeScope();
                    var microBatch = At(minibatch, places);
                    var rows = Rows(microBatch);
                    var batch = Batch(rollout.Samples, microBatch, (int)rollout.Mask_BT.shape[1]);
                    var result = Loss(
                        Logprobs(_policy, batch),
                        rollout.Logprobs_BT.index_select(0, rows),
                        rollout.RefLogprobs_BT?.index_select(0, rows),
                        advantages_BT.index_select(0, rows),
                        rollout.Mask_BT.index_select(0, rows),
                        weights_MT.index_select(0, Rows(places)));
                    result.Loss.backward();
                    sums.Add(stack([result.LossValue, result.ApproxKlSum / tokens, result.ClippedSum / tokens, result.RatioSum / tokens]).MoveToOuterDisposeScope());
                    ratioErrors.Add(result.RatioError.MoveToOuterDisposeScope());
                }

                if (shown.Count == 0)
                {
                    firstRatioError = Ranks.Max(ratioErrors.Count == 0 ? 0 : stack(ratioErrors).max().item<float>());
                    TrainingGuards.RequireUnitRatio(firstRatioError, Config.RatioTolerance, update);
                }

                Ranks.SumGradients(optimizer.Parameters);
                var (gradientNorm, factor) = GradientClipping.ByNorm(optimizer.Parameters, Config.MaxGradNorm);
                optimizer.Step(learningRate, factor);
                average?.Update();
                var total = Ranks.Sum(sums.Count == 0 ? zeros(4) : stack(sums).sum([0]));
                shown.Add(cat([total, gradientNorm.reshape(1)]).MoveToOuterDisposeScope());
            }
        }

        var means = stack(shown).mean([0]).data<float>().ToArray();
        metrics[MetricNames.TrainLoss] = means[0];
        metrics[MetricNames.ApproxKl] = means[1];
        metrics[MetricNames.ClipFraction] = means[2];
        metrics[MetricNames.Ratio] = means[3];
        metrics[MetricNames.TrainGradientNorm] = means[4];
        metrics[MetricNames.FirstRatioError] = firstRatioError;
    }

    private void AddSampleMetrics(Samples samples, Dictionary<string, double> metrics)
    {
        metrics[MetricNames.Scores] = samples.Rewards.Average();
        metrics[MetricNames.ResponseLength] = samples.Responses.Average(r => r.Length);
        metrics[MetricNames.EosRate] = samples.EndsWithEos.Average(e => e ? 1.0 : 0.0);
        metrics[MetricNames.LengthRewardCorrelation] = RolloutStatistics.LengthRewardCorrelation(samples.Responses, samples.Rewards);
        metrics[MetricNames.GroupsWithoutSpread] = samples.Rewards.Chunk(Config.GroupSize).Average(g => g.Max() == g.Min() ? 1.0 : 0.0);
    }

    private void AddRolloutMetrics(Rollout rollout, Dictionary<string, double> metrics)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        metrics[MetricNames.Entropy] = -rollout.Logprobs_BT.sum(1).mean().item<float>();
        if (rollout.RefLogprobs_BT is { } reference_BT)
        {
            metrics[MetricNames.Kl] = (rollout.Logprobs_BT - reference_BT).sum(1).mean().item<float>();
        }

        AddMetrics(rollout, metrics);
    }

    private Tensor Logprobs(CausalLanguageModel model, PromptResponseBatch batch)
    {
        // As in PPO: the references divide by T + 1e-7; at T = 1 that would only add rounding.
        var temperature = Config.Temperature == 1.0 ? 1.0 : Config.Temperature + 1e-7;
        return batch.ToCells(model.Logprobs(model.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N), batch.ResponseIds_N, temperature).Logprobs_N);
    }

    private PromptResponseBatch Batch(Samples samples, int[] rows, int columns) =>
        PromptResponseBatch.Create([.. rows.Select(r => samples.Prompts[r])], [.. rows.Select(r => samples.Responses[r])], _pad, width: null, columns);

    /// <summary>An iteration's random minibatches, in each the short episodes first, so that the micro-batches hold little padding.</summary>
    private int[][] Minibatches(int update, int iteration, Samples samples)
    {
        var units = samples.Responses.Length / RowsTogether;
        var order = Config.MinibatchCount == 1
            ? [.. Enumerable.Range(0, units)]
            : new Philox(Config.Seed, MinibatchStream + (ulong)(((long)update * Config.NumIterations) + iteration)).Permutation(units);
        var size = (units + Config.MinibatchCount - 1) / Config.MinibatchCount;
        return [.. order.Chunk(size).Select(minibatch => minibatch.OrderBy(Longest).SelectMany(RowsOf).ToArray())];

        IEnumerable<int> RowsOf(int unit) => Enumerable.Range(unit * RowsTogether, RowsTogether);

        int Longest(int unit) => RowsOf(unit).Max(row => samples.Prompts[row].Length + samples.Responses[row].Length);
    }

    // Places within a minibatch, of those that this rank computes; rows that belong together go to the same rank.
    private IEnumerable<int[]> MicroBatches(int rows) =>
        Ranks.Share([.. Enumerable.Range(0, rows / RowsTogether)])
            .SelectMany(unit => Enumerable.Range(unit * RowsTogether, RowsTogether))
            .Chunk(Config.MicroBatchSize == 0 ? rows : Config.MicroBatchSize);

    private static int[] At(int[] rows, int[] places) => [.. places.Select(place => rows[place])];

    private bool EndsWithEos(int[] response) => _policy.Config.EosTokenIds.Contains(response[^1]);

    private static Tensor Rows(int[] rows) => tensor(rows.Select(r => (long)r).ToArray());
}
