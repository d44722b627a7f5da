using Rlhf.Modeling.Adapters;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Distributed;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Offline;

/// <summary>
/// The loop of every method that learns from a fixed set of examples: batches in a seeded order, gradients summed over micro-batches, one
/// clipped AdamW update a step, reports, and states from which an interrupted run goes on bit for bit. A method says what its loss is.
/// </summary>
/// <typeparam name="TConfig">The hyperparameters.</typeparam>
/// <typeparam name="TExample">One example.</typeparam>
public abstract class OfflineTrainer<TConfig, TExample>
    where TConfig : OfflineTrainingConfig
{
    private const ulong OrderStream = 1UL << 60;

    /// <summary>Checks the configuration and that there is something to learn from.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model; trained in place.</param>
    /// <param name="training">The examples; at least one.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    protected OfflineTrainer(TConfig config, nn.Module model, IReadOnlyList<TExample> training)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(training);
        var faults = config.Validate();
        if (faults.Count > 0)
        {
            throw new HyperparametersException(typeof(TConfig).Name, faults);
        }

        if (training.Count == 0)
        {
            throw new ArgumentException("There is no example to learn from.", nameof(training));
        }

        (Config, Module, Training) = (config, model, training);
        TotalSteps = (int)Math.Ceiling((double)training.Count * config.Epochs / config.BatchSize);
    }

    /// <summary>How many optimizer steps the run has.</summary>
    public int TotalSteps { get; }

    /// <summary>Told about saved states that are damaged and were passed over, and about warnings of a guard.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the model, to save them; afterwards the model has its own again. Never called
    /// without an average (ema_decay 0).
    /// </summary>
    public Action? SaveAverage { get; init; }

    /// <summary>The adapter to train instead of the model's own weights; null: the whole model.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The processes that train together, each on its share of every batch. Default: this one alone.</summary>
    public DataParallel Ranks { get; init; } = DataParallel.Alone;

    /// <summary>The hyperparameters.</summary>
    protected TConfig Config { get; }

    /// <summary>The examples.</summary>
    protected IReadOnlyList<TExample> Training { get; }

    /// <summary>Whether there are held-out examples to evaluate on.</summary>
    protected abstract bool HasHeldOut { get; }

    private nn.Module Module { get; }

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
        var schedule = new LearningRateSchedule(Config.Schedule, Config.LearningRate, TotalSteps, Config.WarmupSteps, DecaySteps: Config.NumDecaySteps);
        var trainable = (Adapter?.NamedParameters() ?? Module.named_parameters()).ToArray();
        Ranks.Broadcast(trainable.Select(t => t.Parameter));
        using var optimizer = new AdamWOptimizer(trainable, Config.Adam());
        using var average = ExponentialMovingAverage.Create(trainable, Config.EmaDecay);
        var order = new EpochOrder(Training.Count, Config.Seed, OrderStream);
        var draws = (long)Training.Count * Config.Epochs;
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(Config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        var sums = new MetricSums();
        long tokens = 0;
        var firstStep = 0;

        using (var state = Ranks.LoadLatest(store, configuration, Warn))
        {
            Begin(state);
            if (state is not null)
            {
                firstStep = state.Step;
                state.Restore("model", trainable);
                state.Restore("optimizer", optimizer);
                average?.Restore(state);
                sums.Restore(state);
                tokens = (long)state.Counter("tokens");
                history.AddRange(state.History);
            }
        }

        for (var step = firstStep; step < TotalSteps; step++)
        {
            if (Ranks.Any(stop.IsCancellationRequested))
            {
                SaveState(step);
                throw new OperationCanceledException(stop);
            }

            using var scope = NewDisposeScope();
            var first = (long)step * Config.BatchSize;
            var batch = new int[(int)Math.Min(Config.BatchSize, draws - first)];
            for (var i = 0; i < batch.Length; i++)
            {
                batch[i] = order.At(first + i);
            }

            optimizer.ZeroGrad();
            var shown = new MetricSums();
            tokens += Backward(batch, shown);
            sums.Add(Ranks.Sum(shown));
            Ranks.SumGradients(optimizer.Parameters);
            var (gradientNorm, factor) = GradientClipping.ByNorm(optimizer.Parameters, Config.MaxGradNorm);
            var learningRate = schedule.At(step);
            optimizer.Step(learningRate, factor);
            average?.Update();

            var done = step + 1;
            var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
            if (done % Config.ReportEvery == 0 || done == TotalSteps)
            {
                sums.Report(metrics);
                sums.Clear();
                metrics[MetricNames.TrainLearningRate] = learningRate;
                metrics[MetricNames.TrainGradientNorm] = gradientNorm.item<float>();
                metrics[MetricNames.TrainTokens] = tokens;
                metrics[MetricNames.TrainEpoch] = (double)(first + batch.Length) / Training.Count;
            }

            if (HasHeldOut && (done == TotalSteps || (Config.EvaluateEvery > 0 && done % Config.EvaluateEvery == 0)))
            {
                using var noGrad = no_grad();
                Evaluate(metrics);
                if (average is not null)
                {
                    EvaluateAverage(average, metrics);
                }
            }

            if (metrics.Count > 0)
            {
                Watch(done, metrics);
                var entry = new TrainingProgress(done, TotalSteps, metrics);
                history.Add(entry);
                progress?.Invoke(entry);
            }

            if (done % Config.SaveEvery == 0 || done == TotalSteps)
            {
                SaveState(done);
            }
        }

        optimizer.ZeroGrad();
        average?.ShowTo(SaveAverage);
        return history;

        void SaveState(int step)
        {
            if (store is null || !Ranks.IsMain)
            {
                return;
            }

            using var state = new TrainingState(step, configuration);
            state.Add("model", trainable);
            state.Add("optimizer", optimizer);
            average?.Save(state);
            state.Counters["tokens"] = (ulong)tokens;
            sums.Save(state);
            Save(state);
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }

    /// <summary>
    /// Gradients of a batch's loss, micro-batch by micro-batch, and what the batch showed. Of several ranks each does its own
    /// <see cref="MicroBatches"/> and divides by the totals of the whole batch: gradients and sums are then added.
    /// </summary>
    /// <param name="batch">Numbers of the examples in <see cref="Training"/>.</param>
    /// <param name="sums">Takes the loss and the method's metrics.</param>
    /// <returns>Label tokens of the batch.</returns>
    protected abstract long Backward(int[] batch, MetricSums sums);

    /// <summary>Adds the metrics of the held-out examples. Called without gradients.</summary>
    protected abstract void Evaluate(IDictionary<string, double> metrics);

    /// <summary>Called once before the first step, with the starting weights; a resumed run passes the state it goes on from.</summary>
    protected virtual void Begin(TrainingState? state)
    {
    }

    /// <summary>Adds to a state what <see cref="Begin"/> needs to go on.</summary>
    protected virtual void Save(TrainingState state)
    {
    }

    /// <summary>Looks at a report before it is published: a guard throws, or warns through <see cref="Warn"/>.</summary>
    protected virtual void Watch(int step, IReadOnlyDictionary<string, double> metrics)
    {
    }

    /// <summary>This rank's share of a batch in parts of <see cref="OfflineTrainingConfig.MicroBatchSize"/>.</summary>
    protected IEnumerable<int[]> MicroBatches(int[] batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Ranks.Share(batch).Chunk(Config.MicroBatchSize == 0 ? batch.Length : Config.MicroBatchSize);
    }

    private void EvaluateAverage(ExponentialMovingAverage average, Dictionary<string, double> metrics)
    {
        using var applied = average.Apply();
        var averaged = new Dictionary<string, double>(StringComparer.Ordinal);
        Evaluate(averaged);
        foreach (var (name, value) in averaged)
        {
            metrics[MetricNames.AveragePrefix + name] = value;
        }
    }
}
