using System.Diagnostics;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Distributed;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Pretraining;

/// <summary>
/// Trains a language model from scratch on a stream of documents: next-token cross-entropy over packed blocks, AdamW, one
/// learning-rate schedule. Nothing waits for the device except the report every few steps.
/// </summary>
/// <param name="config">The hyperparameters.</param>
/// <param name="model">The model, initialised by the caller; trained in place.</param>
/// <param name="tokenizer">Encodes the documents; needs an EOS token, which ends each of them.</param>
/// <param name="document">The text of a document by its index.</param>
/// <param name="documentCount">How many documents there are; null when there is one for every index.</param>
public sealed class PretrainTrainer(
    PretrainConfig config,
    CausalLanguageModel model,
    Tokenizer tokenizer,
    Func<long, string> document,
    long? documentCount = null)
{
    /// <summary>Told about saved states that are damaged and were passed over.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the model, to save them; afterwards the model has its own again. Never called
    /// without an average (ema_decay 0).
    /// </summary>
    public Action? SaveAverage { get; init; }

    /// <summary>The processes that train together, each on its share of every batch. Default: this one alone.</summary>
    public DataParallel Ranks { get; init; } = DataParallel.Alone;

    /// <summary>Runs to the end, continuing from the newest state in <paramref name="stateDirectory"/> if there is one.</summary>
    /// <param name="stateDirectory">Where states are saved; null saves none.</param>
    /// <param name="progress">Called at every report.</param>
    /// <param name="stop">Saves a state and stops between two steps.</param>
    /// <returns>All reports of the run, without wall-clock metrics.</returns>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public IReadOnlyList<TrainingProgress> Train(
        string? stateDirectory = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        var faults = config.Validate();
        if (faults.Count > 0)
        {
            throw new HyperparametersException(nameof(PretrainConfig), faults);
        }

        var endOfText = tokenizer.EosTokenId
            ?? throw new ArgumentException("The tokenizer has no EOS token; pretraining ends every document with it.");
        if (config.ContextLength > model.Config.MaxPositionEmbeddings)
        {
            throw new HyperparametersException(
                nameof(PretrainConfig),
                [$"context_length is {config.ContextLength}; the model has {model.Config.MaxPositionEmbeddings} positions."]);
        }

        model.Bf16 = MixedPrecision.Use(config.Bf16, model);
        model.GradientCheckpointing = config.GradientCheckpointing;
        using var everything = NewDisposeScope();
        Ranks.Broadcast(model.parameters());
        var packer = new DocumentPacker(
            index => tokenizer.Encode(document(index), addSpecialTokens: false),
            documentCount,
            config.ContextLength,
            endOfText,
            config.Seed);
        var schedule = new LearningRateSchedule(
            config.Schedule, config.LearningRate, config.Steps, config.WarmupSteps, config.MinimumLearningRateRatio, config.NumDecaySteps);
        using var optimizer = new AdamWOptimizer(model.named_parameters(), config.Adam());
        using var average = ExponentialMovingAverage.Create(model.named_parameters(), config.EmaDecay);
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        var lossSum = zeros(1);
        var stepsInSum = 0;
        long tokens = 0;
        var firstStep = 0;

        using (var state = Ranks.LoadLatest(store, configuration, Warn))
        {
            if (state is not null)
            {
                firstStep = state.Step;
                state.Restore("model", model);
                state.Restore("optimizer", optimizer);
                average?.Restore(state);
                packer.Seek((long)state.Counter("document"), (int)state.Counter("offset"));
                lossSum.fill_(state.Number("loss_sum"));
                stepsInSum = (int)state.Counter("steps_in_loss_sum");
                tokens = (long)state.Counter("tokens");
                history.AddRange(state.History);
            }
        }

        model.train();
        var clock = Stopwatch.StartNew();
        long tokensOnClock = 0;
        for (var step = firstStep; step < config.Steps; step++)
        {
            if (Ranks.Any(stop.IsCancellationRequested))
            {
                SaveState(step);
                throw new OperationCanceledException(stop);
            }

            // 1 batch, in the parts of one pass each; every rank reads the whole stream.
            using var scope = NewDisposeScope();
            var parts = Enumerable.Range(0, Ranks.Size)
                .SelectMany(rank => Enumerable.Range(0, Ranks.Block(config.BatchSize, rank).Count)
                    .Chunk(config.MicroBatchSize == 0 ? config.BatchSize : config.MicroBatchSize)
                    .Select(rows => (Rank: rank, Batch: PretrainBatch.Next(packer, rows.Length, config.ContextLength, config.IntraDocumentMasking))))
                .ToArray();
            var labels = parts.Sum(part => part.Batch.LabelTokens);

            // 2 loss: a part's mean counts by its share of the labels, so that the sum over parts is the batch's mean.
            optimizer.ZeroGrad();
            var stepLoss = zeros(1);
            foreach (var part in parts.Where(part => part.Rank == Ranks.Rank).Select(part => part.Batch))
            {
                using var partScope = NewDisposeScope();
                var loss = PretrainLoss.Compute(model, part) * (part.LabelTokens / (double)labels);
                loss.backward();
                using var noGrad = no_grad();
                stepLoss.add_(loss.detach());
            }

            lossSum.add_(Ranks.Sum(stepLoss));
            Ranks.SumGradients(optimizer.Parameters);

            // 3 update
            var (gradientNorm, factor) = GradientClipping.ByNorm(optimizer.Parameters, config.MaxGradNorm);
            var learningRate = schedule.At(step);
            optimizer.Step(learningRate, factor);
            average?.Update();
            stepsInSum++;
            tokens += labels;
            tokensOnClock += labels;

            // 4 report
            var done = step + 1;
            if (done % config.ReportEvery == 0 || done == config.Steps)
            {
                var metrics = new Dictionary<string, double>(StringComparer.Ordinal)
                {
                    [MetricNames.TrainLoss] = lossSum.item<float>() / stepsInSum,
                    [MetricNames.TrainLearningRate] = learningRate,
                    [MetricNames.TrainGradientNorm] = gradientNorm.item<float>(),
                    [MetricNames.TrainTokens] = tokens,
                };
                history.Add(new TrainingProgress(done, config.Steps, metrics));
                progress?.Invoke(new TrainingProgress(done, config.Steps, new Dictionary<string, double>(metrics, StringComparer.Ordinal)
                {
                    [MetricNames.TokensPerSecond] = tokensOnClock / clock.Elapsed.TotalSeconds,
                }));
                using (no_grad())
                {
                    lossSum.zero_();
                }

                stepsInSum = 0;
                tokensOnClock = 0;
                clock.Restart();
            }

            // 5 state
            if (done % config.SaveEvery == 0 || done == config.Steps)
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
            state.Add("model", model);
            state.Add("optimizer", optimizer);
            average?.Save(state);
            state.Counters["document"] = (ulong)packer.Document;
            state.Counters["offset"] = (ulong)packer.Offset;
            state.Numbers["loss_sum"] = lossSum.item<float>();
            state.Counters["steps_in_loss_sum"] = (ulong)stepsInSum;
            state.Counters["tokens"] = (ulong)tokens;
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }
}
