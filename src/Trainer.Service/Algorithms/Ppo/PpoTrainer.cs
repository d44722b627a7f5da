// B episodes, L columns of prompt and response, T response columns, C = B·T cells, N response tokens, D model width, V vocabulary.
using System.Diagnostics;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Heads;
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

namespace Trainer.Service.Algorithms.Ppo;

/// <summary>
/// Proximal policy optimisation of a language model against a score (Ziegler et al. 2019; Stiennon et al. 2020), with the order of
/// operations of "The N+ implementation details of RLHF with PPO" (Huang et al. 2024). <see cref="Train"/> is the whole algorithm.
/// </summary>
public sealed class PpoTrainer : IDisposable
{
    // Each use of the seed has its own streams; generation takes those from 0, one an episode.
    private const ulong PromptStream = 1UL << 60;
    private const ulong MinibatchStream = 1UL << 61;
    private const ulong PtxStream = 1UL << 62;

    private readonly PpoConfig _config;
    private readonly CausalLanguageModel _policy;
    private readonly nn.Module _critic;
    private readonly CausalLanguageModel? _reference;
    private readonly LoraAdapter? _adapter;
    private readonly IReadOnlyList<int[]> _prompts;
    private readonly ScoreResponses _score;
    private readonly int _pad;

    /// <summary>Copies the policy as the reference and checks everything that can be checked before the first rollout.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="policy">The starting policy; trained in place. A resumed run is given the same starting policy again.</param>
    /// <param name="critic">
    /// A <see cref="ScalarHeadModel"/>, usually a copy of the reward model, or with <see cref="PpoConfig.ValueHead"/> a <see cref="ValueHead"/> of the
    /// policy; trained in place.
    /// </param>
    /// <param name="prompts">The tokens of the training prompts.</param>
    /// <param name="score">Scores the responses.</param>
    /// <param name="adapter">
    /// The adapter to train instead of the policy's own weights; the reference is then the policy without it, and no copy is held. Null: the whole policy.
    /// </param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or prompt and response do not fit the model.</exception>
    public PpoTrainer(
        PpoConfig config,
        CausalLanguageModel policy,
        nn.Module critic,
        IReadOnlyList<int[]> prompts,
        ScoreResponses score,
        LoraAdapter? adapter = null)
    {
        if (config.ValueHead ? critic is not ValueHead : critic is not ScalarHeadModel)
        {
            throw new ArgumentException($"With value_head {(config.ValueHead ? "true" : "false")} the critic cannot be a {critic.GetType().Name}.", nameof(critic));
        }

        var faults = new List<string>(config.Validate());
        if (prompts.Count == 0 || prompts.Any(p => p.Length == 0))
        {
            throw new ArgumentException("PPO needs at least one prompt, and no prompt may be empty.", nameof(prompts));
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
            throw new HyperparametersException(nameof(PpoConfig), faults);
        }

        (_config, _policy, _critic, _prompts, _score, _adapter) = (config, policy, critic, prompts, score, adapter);
        _pad = policy.Config.PadTokenId ?? policy.Config.EosTokenIds[0];
        _policy.Bf16 = MixedPrecision.Use(config.Bf16, _policy);
        _policy.GradientCheckpointing = config.GradientCheckpointing;
        if (critic is ScalarHeadModel model)
        {
            (model.Bf16, model.GradientCheckpointing) = (MixedPrecision.Use(config.Bf16, model), config.GradientCheckpointing);
        }

        if (adapter is not null)
        {
            return;
        }

        _reference = policy.Clone();
        foreach (var parameter in _reference.parameters())
        {
            parameter.requires_grad_(false);
        }
    }

    /// <summary>Told about saved states that are damaged and were passed over, and about what guards see.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the policy, to save them; afterwards the policy has its own again. Never called
    /// without an average (ema_decay 0).
    /// </summary>
    public Action? SaveAverage { get; init; }

    /// <summary>The processes that train together, each sampling and learning from its share. Default: this one alone.</summary>
    public DataParallel Ranks { get; init; } = DataParallel.Alone;

    /// <summary>What is measured every <see cref="PpoConfig.EvaluateEvery"/> updates; null measures nothing.</summary>
    public HeldOutScore? HeldOut { get; init; }

    /// <summary>Tokens of pretraining texts, at least two each, for <see cref="PpoConfig.PtxCoefficient"/>; of longer ones than the model has positions, the beginning.</summary>
    public IReadOnlyList<int[]> PretrainingTexts { get; init; } = [];

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
        if (_config.PtxCoefficient > 0 && (PretrainingTexts.Count == 0 || PretrainingTexts.Any(t => t.Length < 2)))
        {
            throw new HyperparametersException(
                nameof(PpoConfig), [$"ptx_coefficient is {_config.PtxCoefficient}; it needs pretraining texts of at least 2 tokens each, or must be 0."]);
        }

        Ranks.Broadcast([.. _policy.parameters(), .. _critic.parameters(), .. _reference?.parameters() ?? _adapter!.NamedParameters().Select(p => p.Parameter)]);
        using var everything = NewDisposeScope();
        var trainable = (_adapter?.NamedParameters() ?? _policy.named_parameters()).ToArray();
        var schedule = new LearningRateSchedule(_config.Schedule, _config.LearningRate, _config.Updates, _config.WarmupUpdates, DecaySteps: _config.NumDecaySteps);
        using var optimizer = new AdamWOptimizer(
            [
                .. trainable.Select(p => ("policy." + p.Item1, p.Item2)),
                .. _critic.named_parameters().Select(p => ("critic." + p.name, p.parameter)),
            ],
            _config.Adam());
        using var average = ExponentialMovingAverage.Create(trainable, _config.EmaDecay);
        var controller = new AdaptiveKlController(_config.KlCoefficient, _config.KlTarget ?? 1, _config.KlHorizon);
        var promptOrder = new EpochOrder(_prompts.Count, _config.Seed, PromptStream);
        var generator = new Generator(_policy);
        var guards = new HealthGuards(_config.Guards, Warn);
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(_config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        var firstUpdate = 0;

        using (var state = Ranks.LoadLatest(store, configuration, Warn))
        {
            if (state is not null)
            {
                firstUpdate = state.Step;
                state.Restore("policy", trainable);
                state.Restore("critic", _critic);
                state.Restore("optimizer", optimizer);
                average?.Restore(state);
                controller.Coefficient = state.Number("kl_coefficient");
                history.AddRange(state.History);
            }
        }

        for (var update = firstUpdate; update < _config.Updates; update++)
        {
            if (Ranks.Any(stop.IsCancellationRequested))
            {
                SaveState(update);
                throw new OperationCanceledException(stop);
            }

            using var scope = NewDisposeScope();
            var clock = Stopwatch.StartNew();

            // 1 rollout: prompts in this epoch's order, one response each, and what the three models say about them.
            var firstEpisode = (long)update * _config.BatchSize;
            var prompts = Enumerable.Range(0, _config.BatchSize).Select(i => _prompts[promptOrder.At(firstEpisode + i)]).ToArray();
            int[][] responses;
            try
            {
                // Several ranks stop together, between two updates.
                var (start, count) = Ranks.Block(prompts.Length);
                responses = Ranks.Gather(generator.Generate(
                    prompts.AsSpan(start, count).ToArray(),
                    _config.Sampling(),
                    _config.Seed,
                    (ulong)(firstEpisode + start),
                    Ranks.Size == 1 ? stop : CancellationToken.None).Select(s => s.Ids).ToArray());
            }
            catch (OperationCanceledException)
            {
                SaveState(update);
                throw;
            }

            var rolloutSeconds = clock.Elapsed.TotalSeconds;
            clock.Restart();
            var rollout = Observe(update, prompts, responses);
            if (update == 0 && _adapter is null)
            {
                TrainingGuards.RequireNoInitialKl(
                    (rollout.Logprobs_BT - rollout.RefLogprobs_BT).abs().max().item<float>(), _config.RatioTolerance);
            }

            // 2 score
            var rewardModelScores = Score(prompts, responses);
            foreach (var score in rewardModelScores)
            {
                TrainingGuards.RequireFinite(score, "a score", update);
            }

            // 3 KL-shaped reward, 4 advantages
            PpoExperience experience;
            var klCoefficient = controller.Coefficient;
            using (no_grad())
            {
                experience = PpoExperience.Create(
                    tensor(responses.Select(r => (long)r.Length).ToArray()),
                    tensor(responses.Select(r => EndsWithEos(r) ? 1f : 0f).ToArray()),
                    rollout.Logprobs_BT,
                    rollout.RefLogprobs_BT,
                    rollout.Values_BT,
                    tensor(rewardModelScores),
                    klCoefficient,
                    _config,
                    rollout.FullKl_BT);
            }

            var scoreSeconds = clock.Elapsed.TotalSeconds;
            clock.Restart();

            // 5 epochs
            var learningRate = schedule.At(update);
            var means = Learn(update, rollout, experience, optimizer, average, learningRate, klCoefficient);
            var learnSeconds = clock.Elapsed.TotalSeconds;

            // 6 log
            var metrics = RolloutMetrics(rollout, experience, rewardModelScores, klCoefficient);
            foreach (var (name, value) in means)
            {
                TrainingGuards.RequireFinite(value, name, update);
                metrics[name] = value;
            }

            var done = update + 1;
            metrics[MetricNames.PpoLearningRate] = learningRate;
            metrics[MetricNames.Episode] = (double)done * _config.BatchSize;
            if (HeldOut is not null && _config.EvaluateEvery > 0 && (done % _config.EvaluateEvery == 0 || done == _config.Updates))
            {
                metrics[MetricNames.EvaluationScore] = HeldOut.Measure(_policy, _config.Sampling(), _config.Seed, _config.BatchSize, stop);
            }

            history.Add(new TrainingProgress(done, _config.Updates, metrics));
            guards.Watch(history);
            progress?.Invoke(new TrainingProgress(done, _config.Updates, new Dictionary<string, double>(metrics, StringComparer.Ordinal)
            {
                [MetricNames.RolloutSeconds] = rolloutSeconds,
                [MetricNames.ScoreSeconds] = scoreSeconds,
                [MetricNames.LearnSeconds] = learnSeconds,
            }));
            if (_config.KlTarget is not null)
            {
                controller.Update(metrics[MetricNames.Kl], _config.BatchSize);
            }

            // 7 state
            if (done % _config.SaveEvery == 0 || done == _config.Updates)
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
            state.Add("critic", _critic);
            state.Add("optimizer", optimizer);
            average?.Save(state);
            state.Numbers["kl_coefficient"] = controller.Coefficient;
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }

    // The references divide by T + 1e-7; at T = 1 that would only add rounding.
    private double TrainingTemperature => _config.Temperature == 1.0 ? 1.0 : _config.Temperature + 1e-7;

    /// <inheritdoc/>
    public void Dispose() => _reference?.Dispose();

    private float[] Score(int[][] prompts, int[][] responses)
    {
        var (start, count) = Ranks.Block(responses.Length);
        var mine = count == 0 ? [] : _score(prompts.AsSpan(start, count).ToArray(), responses.AsSpan(start, count).ToArray());
        return mine.Count == count
            ? Ranks.Gather(mine.ToArray())
            : throw new InvalidOperationException($"The score function gave {mine.Count} scores for {count} responses.");
    }

    /// <summary>
    /// One pass of policy, reference and critic over the episodes. It takes the very micro-batches of the first epoch: products of
    /// matrices of another shape round differently, and ρ is to start at 1.
    /// </summary>
    private PpoRollout Observe(int update, int[][] prompts, int[][] responses)
    {
        var columns = Math.Min(_config.MaxNewTokens, responses.Max(r => r.Length) + 1);
        int[][] microBatches =
        [
            .. MinibatchOrder(update, epoch: 0, prompts, responses).Chunk(_config.MinibatchSize)
                .SelectMany(minibatch => MicroBatches(minibatch.Length).Select(places => places.Select(p => minibatch[p]).ToArray())),
        ];
        var logprobs = new List<Tensor>();
        var refLogprobs = new List<Tensor>();
        var values = new List<Tensor>();
        var entropySums = new List<Tensor>();
        var fullKl = new List<Tensor>();
        using var noGrad = no_grad();
        foreach (var rows in microBatches)
        {
            using var scope = NewDisposeScope();
            var batch = Batch(prompts, responses, rows, columns);
            var (logprobs_BT, values_BT, entropies_N) = PolicyAndValues(batch, entropy: true);
            logprobs.Add(logprobs_BT.MoveToOuterDisposeScope());
            entropySums.Add(entropies_N!.sum().MoveToOuterDisposeScope());
            values.Add(values_BT.MoveToOuterDisposeScope());
            var logits_NV = _config.KlEstimator == KlEstimator.Full ? ResponseLogits(_policy, batch) : null;
            using var original = _adapter?.Disable();
            var (refLogprobs_N, _) = Logprobs(_reference ?? _policy, batch, ResponseStates(_reference ?? _policy, batch));
            refLogprobs.Add(batch.ToCells(refLogprobs_N).MoveToOuterDisposeScope());
            if (logits_NV is not null)
            {
                fullKl.Add(batch.ToCells(KlEstimators.Full(logits_NV, ResponseLogits(_reference ?? _policy, batch))).MoveToOuterDisposeScope());
            }
        }

        // Back from the minibatches' order to the episodes'.
        int[] order = [.. microBatches.SelectMany(rows => rows)];
        return new PpoRollout(
            prompts,
            responses,
            columns,
            Ranks.JoinRows(logprobs, order, prompts.Length, columns),
            Ranks.JoinRows(refLogprobs, order, prompts.Length, columns),
            Ranks.JoinRows(values, order, prompts.Length, columns),
            Ranks.Sum(entropySums.Count == 0 ? zeros(1).sum() : stack(entropySums).sum()) / (double)responses.Sum(r => r.Length),
            _config.KlEstimator == KlEstimator.Full ? Ranks.JoinRows(fullKl, order, prompts.Length, columns) : null);
    }

    /// <summary>K epochs over the rollout; the means of what its optimizer steps showed.</summary>
    private Dictionary<string, double> Learn(
        int update,
        PpoRollout rollout,
        PpoExperience experience,
        AdamWOptimizer optimizer,
        ExponentialMovingAverage? average,
        double learningRate,
        double klCoefficient)
    {
        var stats = new List<Tensor>();
        var ptxLosses = new List<double>();
        double firstRatioError = 0;
        for (var epoch = 0; epoch < _config.Epochs; epoch++)
        {
            foreach (var minibatch in MinibatchOrder(update, epoch, rollout.Prompts, rollout.Responses).Chunk(_config.MinibatchSize))
            {
                using var scope = NewDisposeScope();
                optimizer.ZeroGrad();
                var rows_M = Rows(minibatch);
                var weights_MT = PpoLoss.Weights(experience.Mask_BT.index_select(0, rows_M), _config.Averaging);
                var valueWeights_MT = PpoLoss.Weights(experience.ValueMask_BT.index_select(0, rows_M), _config.Averaging);
                var sums = new List<Tensor>();
                var ratioErrors = new List<Tensor>();
                foreach (var places in MicroBatches(minibatch.Length))
                {
                    using var microScope = NewDisposeScope();
                    int[] microBatch = [.. places.Select(p => minibatch[p])];
                    var rows = Rows(microBatch);
                    var batch = Batch(rollout.Prompts, rollout.Responses, microBatch, rollout.ResponseColumns);
                    var (logprobs_BT, values_BT, _) = PolicyAndValues(batch);
                    var (loss, shown) = PpoLoss.Compute(
                        logprobs_BT,
                        rollout.Logprobs_BT.index_select(0, rows),
                        experience.Advantages_BT.index_select(0, rows),
                        weights_MT.index_select(0, Rows(places)),
                        values_BT,
                        experience.Values_BT.index_select(0, rows),
                        experience.Returns_BT.index_select(0, rows),
                        valueWeights_MT.index_select(0, Rows(places)),
                        _config,
                        _config.UseKlLoss ? rollout.RefLogprobs_BT.index_select(0, rows) : null,
                        klCoefficient);
                    loss.backward();
                    sums.Add(stack(
                        [
                            shown.PolicyLoss, shown.ValueLoss, shown.TotalLoss, shown.ApproxKl,
                            shown.ClipFraction, shown.RatioMean, shown.ValueClipFraction,
                        ]).MoveToOuterDisposeScope());
                    ratioErrors.Add(shown.RatioError.MoveToOuterDisposeScope());
                }

                if (stats.Count == 0)
                {
                    firstRatioError = Ranks.Max(ratioErrors.Count == 0 ? 0 : stack(ratioErrors).max().item<float>());
                    TrainingGuards.RequireUnitRatio(firstRatioError, _config.RatioTolerance, update);
                }

                if (_config.PtxCoefficient > 0)
                {
                    ptxLosses.Add(BackwardOnPretraining(((long)update * _config.Epochs * _config.MinibatchCount) + stats.Count));
                }

                Ranks.SumGradients(optimizer.Parameters);
                var (gradientNorm, factor) = GradientClipping.ByNorm(optimizer.Parameters, _config.MaxGradNorm);
                optimizer.Step(learningRate, factor);
                average?.Update();
                var total = Ranks.Sum(sums.Count == 0 ? zeros(7) : stack(sums).sum([0]));
                stats.Add(cat([total, gradientNorm.reshape(1)]).MoveToOuterDisposeScope());
            }
        }

        // The only wait for the device in an update's epochs, besides the ratio guard.
        var means = stack(stats).mean([0]).data<float>().ToArray();
        var shownMeans = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [MetricNames.PolicyLoss] = means[0],
            [MetricNames.ValueLoss] = means[1],
            [MetricNames.TotalLoss] = means[2],
            [MetricNames.ApproxKl] = means[3],
            [MetricNames.ClipFraction] = means[4],
            [MetricNames.Ratio] = means[5],
            [MetricNames.ValueClipFraction] = means[6],
            [MetricNames.PpoGradientNorm] = means[7],
            [MetricNames.FirstRatioError] = firstRatioError,
        };
        if (ptxLosses.Count > 0)
        {
            shownMeans[MetricNames.PtxLoss] = ptxLosses.Average();
        }

        return shownMeans;
    }

    /// <summary>Adds the gradient of γ times the language-model loss of the next pretraining texts.</summary>
    /// <param name="step">Optimizer steps before this one, over all updates.</param>
    /// <returns>The loss, nats per token.</returns>
    private double BackwardOnPretraining(long step)
    {
        var order = new EpochOrder(PretrainingTexts.Count, _config.Seed, PtxStream);
        var texts = Enumerable.Range(0, _config.PtxBatchSize)
            .Select(i => PretrainingTexts[order.At((step * _config.PtxBatchSize) + i)])
            .Select(text => text.Length <= _policy.Config.MaxPositionEmbeddings ? text : text[.._policy.Config.MaxPositionEmbeddings])
            .OrderBy(text => text.Length).ToArray();
        var tokens = texts.Sum(t => t.Length - 1);
        var loss = 0.0;
        foreach (var part in Ranks.Share(texts).Chunk(_config.MicroBatchSize == 0 ? texts.Length : _config.MicroBatchSize))
        {
            using var scope = NewDisposeScope();
            var batch = PromptResponseBatch.Create([.. part.Select(t => t[..1])], [.. part.Select(t => t[1..])], _pad);
            var (logprobs_N, _) = _policy.Logprobs(ResponseStates(_policy, batch), batch.ResponseIds_N);
            var partLoss = logprobs_N.sum() / (double)-tokens;
            (partLoss * _config.PtxCoefficient).backward();
            loss += partLoss.item<float>();
        }

        return Ranks.Sum(loss);
    }

    private Dictionary<string, double> RolloutMetrics(
        PpoRollout rollout, PpoExperience experience, IReadOnlyList<float> rewardModelScores, double klCoefficient)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var mask = experience.ValueMask_BT;
        var returnsVariance = MaskedMath.Variance(experience.Returns_BT, mask, VarianceKind.Biased);
        var errorVariance = MaskedMath.Variance(experience.Returns_BT - experience.Values_BT, mask, VarianceKind.Biased);
        var numbers = stack(
            [
                experience.Kl_BT.sum(1).mean(),
                rollout.Logprobs_BT.sum(1).mean().neg(),
                experience.Scores_B.mean(),
                rollout.PolicyEntropy,
                1.0 - (errorVariance / returnsVariance.clamp(min: 1e-8)),
                MaskedMath.Mean(experience.Values_BT, mask),
                MaskedMath.Mean(experience.Returns_BT, mask),
                returnsVariance,
            ]).data<float>().ToArray();
        return new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [MetricNames.Kl] = numbers[0],
            [MetricNames.KlCoefficient] = klCoefficient,
            [MetricNames.Entropy] = numbers[1],
            [MetricNames.Scores] = numbers[2],
            [MetricNames.RewardModelScores] = rewardModelScores.Average(),
            [MetricNames.NonScoreReward] = _config.UseKlLoss ? 0 : -klCoefficient * numbers[0],
            [MetricNames.ScoreTotal] = numbers[2] - (_config.UseKlLoss ? 0 : klCoefficient * numbers[0]),
            [MetricNames.PolicyEntropy] = numbers[3],
            [MetricNames.ExplainedVariance] = numbers[4],
            [MetricNames.ValueMean] = numbers[5],
            [MetricNames.ReturnsMean] = numbers[6],
            [MetricNames.ReturnsVariance] = numbers[7],
            [MetricNames.ResponseLength] = rollout.Responses.Average(r => r.Length),
            [MetricNames.LengthRewardCorrelation] = RolloutStatistics.LengthRewardCorrelation(rollout.Responses, rewardModelScores),
            [MetricNames.EosRate] = rollout.Responses.Average(r => EndsWithEos(r) ? 1.0 : 0.0),
        };
    }

    /// <summary>What policy and critic say about a micro-batch: log-probabilities [B, T], values [B, T] and, if wanted, entropies [N].</summary>
    private (Tensor Logprobs_BT, Tensor Values_BT, Tensor? Entropies_N) PolicyAndValues(PromptResponseBatch batch, bool entropy = false)
    {
        Tensor states_ND, values_C;
        if (_critic is ValueHead head)
        {
            // One pass over the trunk: the cells' states are the response tokens' and, after an early end, the one that reads EOS.
            var states_CD = _policy.Hidden(batch.InputIds_BL, places_N: batch.CellPlace_C);
            states_ND = states_CD.index_select(0, batch.TokenCell_N);
            values_C = head.Values(states_CD);
        }
        else
        {
            var critic = (ScalarHeadModel)_critic;
            states_ND = ResponseStates(_policy, batch);
            values_C = critic.Values(batch.InputIds_BL, null, batch.CellPlace_C) - critic.ScoreBias;
        }

        var (logprobs_N, entropies_N) = Logprobs(_policy, batch, states_ND, entropy);
        return (batch.ToCells(logprobs_N), values_C.view(batch.Rows, batch.ResponseColumns), entropies_N);
    }

    private (Tensor Logprobs_N, Tensor? Entropies_N) Logprobs(CausalLanguageModel model, PromptResponseBatch batch, Tensor states_ND, bool entropy = false) =>
        model.Logprobs(states_ND, batch.ResponseIds_N, TrainingTemperature, entropy);

    private Tensor ResponseLogits(CausalLanguageModel model, PromptResponseBatch batch) =>
        model.Logits(ResponseStates(model, batch)) / TrainingTemperature;

    private static Tensor ResponseStates(CausalLanguageModel model, PromptResponseBatch batch) =>
        model.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N);

    // As wide as its own longest episode: what a micro-batch pads to is decided by its rows alone, so the first epoch's have the
    // shapes of the rollout's.
    private PromptResponseBatch Batch(IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses, int[] rows, int columns) =>
        PromptResponseBatch.Create([.. rows.Select(r => prompts[r])], [.. rows.Select(r => responses[r])], _pad, width: null, columns);

    /// <summary>
    /// The order in which an epoch goes through the episodes: random minibatches, in each the short episodes first, so that the
    /// micro-batches hold little padding.
    /// </summary>
    private int[] MinibatchOrder(int update, int epoch, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> responses)
    {
        var order = _config.MinibatchCount == 1
            ? [.. Enumerable.Range(0, _config.BatchSize)]
            : new Philox(_config.Seed, MinibatchStream + (ulong)(((long)update * _config.Epochs) + epoch)).Permutation(_config.BatchSize);
        return [.. order.Chunk(_config.MinibatchSize).SelectMany(minibatch => minibatch.OrderBy(row => prompts[row].Length + responses[row].Length))];
    }

    // Places within a minibatch, of those that this rank computes.
    private IEnumerable<int[]> MicroBatches(int rows) =>
        Ranks.Share([.. Enumerable.Range(0, rows)]).Chunk(_config.MicroBatchSize == 0 ? rows : _config.MicroBatchSize);

    private bool EndsWithEos(int[] response) => _policy.Config.EosTokenIds.Contains(response[^1]);

    private static Tensor Rows(int[] rows) => tensor(rows.Select(r => (long)r).ToArray());
}
