// B demonstrations, L tokens.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>Supervised fine-tuning on demonstrations: cross-entropy of the completion, given the prompt.</summary>
public sealed class SftTrainer
{
    private const ulong OrderStream = 1UL << 60;

    private readonly SftConfig _config;
    private readonly CausalLanguageModel _model;
    private readonly IReadOnlyList<SftExample> _training;
    private readonly IReadOnlyList<SftExample> _heldOut;
    private readonly int _pad;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The demonstrations; at least one.</param>
    /// <param name="heldOut">Demonstrations for the evaluation at the end; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    public SftTrainer(
        SftConfig config,
        CausalLanguageModel model,
        IReadOnlyList<SftExample> training,
        IReadOnlyList<SftExample>? heldOut = null)
    {
        var faults = config.Validate();
        if (faults.Count > 0)
        {
            throw new HyperparametersException(nameof(SftConfig), faults);
        }

        if (training.Count == 0)
        {
            throw new ArgumentException("There is no demonstration to learn from.", nameof(training));
        }

        var longest = training.Concat(heldOut ?? []).Max(e => e.Prompt.Length + e.Completion.Length);
        if (longest > model.Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException($"A demonstration has {longest} tokens; the model has {model.Config.MaxPositionEmbeddings} positions.", nameof(training));
        }

        (_config, _model, _training, _heldOut) = (config, model, training, heldOut ?? []);
        _model.Bf16 = config.Bf16;
        _pad = model.Config.PadTokenId ?? 0;
        TotalSteps = (int)Math.Ceiling((double)training.Count * config.Epochs / config.BatchSize);
    }

    /// <summary>How many optimizer steps the run has.</summary>
    public int TotalSteps { get; }

    /// <summary>Told about saved states that are damaged and were passed over.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Runs to the end, continuing from the newest state in <paramref name="stateDirectory"/> if there is one.</summary>
    /// <param name="stateDirectory">Where states are saved; null saves none.</param>
    /// <param name="progress">Called at every report.</param>
    /// <param name="stop">Saves a state and stops between two steps.</param>
    /// <returns>All reports of the run.</returns>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public IReadOnlyList<TrainingProgress> Train(
        string? stateDirectory = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        using var everything = NewDisposeScope();
        var schedule = new LearningRateSchedule(_config.Schedule, _config.LearningRate, TotalSteps, _config.WarmupSteps);
        using var optimizer = new AdamWOptimizer(_model.named_parameters(), _config.Adam());
        var order = new EpochOrder(_training.Count, _config.Seed, OrderStream);
        var draws = (long)_training.Count * _config.Epochs;
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(_config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        double lossSum = 0;
        long tokensInSum = 0;
        long tokens = 0;
        var firstStep = 0;

        using (var state = store?.LoadLatest(configuration, Warn))
        {
            if (state is not null)
            {
                firstStep = state.Step;
                state.Restore("model", _model);
                state.Restore("optimizer", optimizer);
                lossSum = state.Number("loss_sum");
                tokensInSum = (long)state.Counter("tokens_in_loss_sum");
                tokens = (long)state.Counter("tokens");
                history.AddRange(state.History);
            }
        }

        for (var step = firstStep; step < TotalSteps; step++)
        {
            if (stop.IsCancellationRequested)
            {
                SaveState(step);
                stop.ThrowIfCancellationRequested();
            }

            using var scope = NewDisposeScope();

            // 1 batch
            var first = (long)step * _config.BatchSize;
            var examples = new SftExample[(int)Math.Min(_config.BatchSize, draws - first)];
            for (var i = 0; i < examples.Length; i++)
            {
                examples[i] = _training[order.At(first + i)];
            }

            // 2 loss and gradients, micro-batch by micro-batch
            var labelTokens = examples.Sum(e => e.Completion.Length);
            var stepLoss = zeros(1);
            optimizer.ZeroGrad();
            foreach (var microBatch in examples.Chunk(_config.MicroBatchSize == 0 ? examples.Length : _config.MicroBatchSize))
            {
                using var microScope = NewDisposeScope();
                var loss = SftLoss.Compute(_model, Batch(microBatch), labelTokens);
                loss.backward();
                using var noGrad = no_grad();
                stepLoss.add_(loss.detach());
            }

            // 3 update
            var gradientNorm = GradientClipping.ByNorm(optimizer.Parameters, _config.MaxGradNorm);
            var learningRate = schedule.At(step);
            optimizer.Step(learningRate);
            lossSum += stepLoss.item<float>() * (double)labelTokens;
            tokensInSum += labelTokens;
            tokens += labelTokens;

            // 4 report
            var done = step + 1;
            if (done % _config.ReportEvery == 0 || done == TotalSteps)
            {
                var metrics = new Dictionary<string, double>(StringComparer.Ordinal)
                {
                    [MetricNames.TrainLoss] = lossSum / tokensInSum,
                    [MetricNames.TrainLearningRate] = learningRate,
                    [MetricNames.TrainGradientNorm] = gradientNorm.item<float>(),
                    [MetricNames.TrainTokens] = tokens,
                    [MetricNames.TrainEpoch] = (double)(first + examples.Length) / _training.Count,
                };
                if (done == TotalSteps && _heldOut.Count > 0)
                {
                    metrics[MetricNames.EvaluationLoss] = Evaluate();
                }

                var entry = new TrainingProgress(done, TotalSteps, metrics);
                history.Add(entry);
                progress?.Invoke(entry);
                (lossSum, tokensInSum) = (0, 0);
            }

            // 5 state
            if (done % _config.SaveEvery == 0 || done == TotalSteps)
            {
                SaveState(done);
            }
        }

        optimizer.ZeroGrad();
        return history;

        void SaveState(int step)
        {
            if (store is null)
            {
                return;
            }

            using var state = new TrainingState(step, configuration);
            state.Add("model", _model);
            state.Add("optimizer", optimizer);
            state.Numbers["loss_sum"] = lossSum;
            state.Counters["tokens_in_loss_sum"] = (ulong)tokensInSum;
            state.Counters["tokens"] = (ulong)tokens;
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }

    /// <summary>Mean nats per completion token on the held-out demonstrations.</summary>
    public double Evaluate()
    {
        using var noGrad = no_grad();
        double sum = 0;
        foreach (var examples in _heldOut.OrderBy(e => e.Prompt.Length + e.Completion.Length).Chunk(_config.BatchSize))
        {
            using var scope = NewDisposeScope();
            sum += SftLoss.Compute(_model, Batch(examples), labelTokens: 1).item<float>();
        }

        return sum / _heldOut.Sum(e => e.Completion.Length);
    }

    private PromptResponseBatch Batch(IReadOnlyList<SftExample> examples) =>
        PromptResponseBatch.Create([.. examples.Select(e => e.Prompt)], [.. examples.Select(e => e.Completion)], _pad);
}
