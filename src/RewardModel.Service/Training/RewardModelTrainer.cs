// P pairs, T tokens.
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace RewardModel.Service.Training;

/// <summary>
/// Trains a reward model on comparisons (Stiennon et al. 2020, section 3.4): a language model's body with a scalar head, the score
/// at the last token of prompt and completion, the Bradley–Terry loss, and at the end a bias that makes the mean score zero.
/// </summary>
public sealed class RewardModelTrainer
{
    private const ulong OrderStream = 1UL << 60;

    private readonly RewardModelConfig _config;
    private readonly ScalarHeadModel _model;
    private readonly IReadOnlyList<PreferencePair> _training;
    private readonly IReadOnlyList<PreferencePair> _heldOut;
    private readonly IReadOnlyList<int[]> _normalisation;
    private readonly int _pad;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="model">The model, usually made from the policy with a new head; trained in place.</param>
    /// <param name="training">The comparisons to learn from; at least one.</param>
    /// <param name="heldOut">Comparisons of prompts that are not in training, for evaluation; may be empty.</param>
    /// <param name="demonstrations">Prompt and completion tokens whose mean score becomes zero; null for all completions of the training comparisons.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults.</exception>
    public RewardModelTrainer(
        RewardModelConfig config,
        ScalarHeadModel model,
        IReadOnlyList<PreferencePair> training,
        IReadOnlyList<PreferencePair> heldOut,
        IReadOnlyList<int[]>? demonstrations = null)
    {
        var faults = config.Validate();
        if (faults.Count > 0)
        {
            throw new HyperparametersException(nameof(RewardModelConfig), faults);
        }

        if (training.Count == 0)
        {
            throw new ArgumentException("There is no comparison to learn from.", nameof(training));
        }

        var longest = training.Concat(heldOut).Max(p => p.Prompt.Length + Math.Max(p.Chosen.Length, p.Rejected.Length));
        if (longest > model.Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException($"A comparison has {longest} tokens; the model has {model.Config.MaxPositionEmbeddings} positions.", nameof(training));
        }

        (_config, _model, _training, _heldOut) = (config, model, training, heldOut);
        _model.Bf16 = config.Bf16;
        _model.GradientCheckpointing = config.GradientCheckpointing;
        _normalisation = demonstrations ?? [.. training.Select(Chosen), .. training.Select(Rejected)];
        _pad = model.Config.PadTokenId ?? 0;
        TotalSteps = (int)Math.Ceiling((double)training.Count * config.Epochs / config.BatchSize);
    }

    /// <summary>How many optimizer steps the run has.</summary>
    public int TotalSteps { get; }

    /// <summary>Told about saved states that are damaged and were passed over.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the model, to save them; afterwards the model has its own again. Never called
    /// without an average (ema_decay 0).
    /// </summary>
    public Action? SaveAverage { get; init; }

    /// <summary>Runs to the end, continuing from the newest state in <paramref name="stateDirectory"/> if there is one.</summary>
    /// <param name="stateDirectory">Where states are saved; null saves none.</param>
    /// <param name="progress">Called at every report.</param>
    /// <param name="stop">Saves a state and stops between two steps.</param>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public RewardModelResult Train(
        string? stateDirectory = null,
        Action<TrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        using var everything = NewDisposeScope();
        var schedule = new LearningRateSchedule(_config.Schedule, _config.LearningRate, TotalSteps, _config.WarmupSteps, DecaySteps: _config.NumDecaySteps);
        using var optimizer = new AdamWOptimizer(_model.named_parameters(), _config.Adam());
        using var average = ExponentialMovingAverage.Create(_model.named_parameters(), _config.EmaDecay);
        var order = new EpochOrder(_training.Count, _config.Seed, OrderStream);
        var draws = (long)_training.Count * _config.Epochs;
        var history = new List<TrainingProgress>();
        var configuration = HyperparametersJson.Write(_config);
        var store = stateDirectory is null ? null : new TrainingStateStore(stateDirectory);
        var sums = new Sums();
        var firstStep = 0;

        // The bias is fixed after training; while training, scores are the head's own.
        _model.ScoreBias = 0;
        using (var state = store?.LoadLatest(configuration, Warn))
        {
            if (state is not null)
            {
                firstStep = state.Step;
                state.Restore("model", _model);
                state.Restore("optimizer", optimizer);
                average?.Restore(state);
                sums.Restore(state);
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

            // 1 batch: all chosen, then all rejected, in one rectangle.
            var first = (long)step * _config.BatchSize;
            var pairs = new PreferencePair[(int)Math.Min(_config.BatchSize, draws - first)];
            for (var i = 0; i < pairs.Length; i++)
            {
                pairs[i] = _training[order.At(first + i)];
            }

            // 2 loss
            var (loss, chosen_P, rejected_P) = Loss(pairs);

            // 3 update
            optimizer.ZeroGrad();
            loss.backward();
            var gradientNorm = GradientClipping.ByNorm(optimizer.Parameters, _config.MaxGradNorm);
            var learningRate = schedule.At(step);
            optimizer.Step(learningRate);
            average?.Update();
            sums.Add(pairs, loss.item<float>(), chosen_P.detach().data<float>().ToArray(), rejected_P.detach().data<float>().ToArray());

            // 4 report
            var done = step + 1;
            var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
            if (done % _config.ReportEvery == 0 || done == TotalSteps)
            {
                sums.Report(metrics);
                metrics[MetricNames.RewardLearningRate] = learningRate;
                metrics[MetricNames.RewardGradientNorm] = gradientNorm.item<float>();
                metrics[MetricNames.TrainEpoch] = (double)(first + pairs.Length) / _training.Count;
                sums = new Sums();
            }

            if (_heldOut.Count > 0 && (done == TotalSteps || (_config.EvaluateEvery > 0 && done % _config.EvaluateEvery == 0)))
            {
                Evaluate().Report(metrics);
            }

            if (metrics.Count > 0)
            {
                var entry = new TrainingProgress(done, TotalSteps, metrics);
                history.Add(entry);
                progress?.Invoke(entry);
            }

            // 5 state
            if (done % _config.SaveEvery == 0 || done == TotalSteps)
            {
                SaveState(done);
            }
        }

        optimizer.ZeroGrad();

        // 6 normalisation: the mean score of demonstrations becomes zero, so that scores of different models compare.
        average?.ShowTo(SaveAverage is null ? null : () =>
        {
            Normalise();
            SaveAverage();
            _model.ScoreBias = 0;
        });
        Normalise();
        return new RewardModelResult(history, _model.ScoreBias, Evaluate());

        void SaveState(int step)
        {
            if (store is null)
            {
                return;
            }

            using var state = new TrainingState(step, configuration);
            state.Add("model", _model);
            state.Add("optimizer", optimizer);
            average?.Save(state);
            sums.Save(state);
            foreach (var entry in history)
            {
                state.History.Add(entry);
            }

            store.Save(state);
        }
    }

    /// <summary>Loss and accuracy on the held-out comparisons with the model as it is.</summary>
    public RewardModelEvaluation Evaluate()
    {
        if (_heldOut.Count == 0)
        {
            return new RewardModelEvaluation(double.NaN, Statistics.Wilson(0, 0), 0);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var chosen = SequenceScorer.Score(_model, [.. _heldOut.Select(Chosen)], _pad);
        var rejected = SequenceScorer.Score(_model, [.. _heldOut.Select(Rejected)], _pad);
        var loss = BradleyTerryLoss.Compute(tensor(chosen), tensor(rejected), Probabilities(_heldOut)).item<float>();
        var decided = Enumerable.Range(0, _heldOut.Count).Where(i => !_heldOut[i].IsTie).ToArray();
        var accuracy = PreferenceAccuracy.Measure([.. decided.Select(i => chosen[i])], [.. decided.Select(i => rejected[i])]);
        return new RewardModelEvaluation(loss, accuracy, decided.Length);
    }

    private static int[] Chosen(PreferencePair pair) => [.. pair.Prompt, .. pair.Chosen];

    private static int[] Rejected(PreferencePair pair) => [.. pair.Prompt, .. pair.Rejected];

    private static Tensor Probabilities(IReadOnlyList<PreferencePair> pairs) =>
        tensor(pairs.Select(p => (float)p.ChosenProbability).ToArray());

    private void Normalise() => _model.ScoreBias = SequenceScorer.Score(_model, _normalisation, _pad).Average(s => (double)s);

    private (Tensor Loss, Tensor Chosen_P, Tensor Rejected_P) Loss(PreferencePair[] pairs)
    {
        var scores = SequenceScorer.ScoreWithGradient(_model, [.. pairs.Select(Chosen), .. pairs.Select(Rejected)], _pad);
        var chosen_P = scores.narrow(0, 0, pairs.Length);
        var rejected_P = scores.narrow(0, pairs.Length, pairs.Length);
        var margins_P = tensor(pairs.Select(p => p.IsTie ? 0f : (float)p.Margin).ToArray());
        return (BradleyTerryLoss.Compute(chosen_P, rejected_P, Probabilities(pairs), margins_P, _config.Centering), chosen_P, rejected_P);
    }

    /// <summary>Running sums between two reports.</summary>
    private sealed class Sums
    {
        private double _loss, _margin, _agreed;
        private ulong _steps, _pairs, _decided;

        public void Add(PreferencePair[] pairs, double loss, float[] chosen, float[] rejected)
        {
            _steps++;
            _loss += loss;
            for (var i = 0; i < pairs.Length; i++)
            {
                _pairs++;
                _margin += chosen[i] - rejected[i];
                if (!pairs[i].IsTie)
                {
                    _decided++;
                    _agreed += chosen[i].CompareTo(rejected[i]) switch { > 0 => 1.0, 0 => 0.5, _ => 0.0 };
                }
            }
        }

        public void Report(Dictionary<string, double> metrics)
        {
            metrics[MetricNames.RewardLoss] = _loss / _steps;
            metrics[MetricNames.RewardMargin] = _margin / _pairs;
            if (_decided > 0)
            {
                metrics[MetricNames.RewardAccuracy] = _agreed / _decided;
            }
        }

        public void Save(TrainingState state)
        {
            (state.Numbers["loss_sum"], state.Numbers["margin_sum"], state.Numbers["agreed"]) = (_loss, _margin, _agreed);
            (state.Counters["steps_in_sums"], state.Counters["pairs_in_sums"], state.Counters["decided_in_sums"]) = (_steps, _pairs, _decided);
        }

        public void Restore(TrainingState state)
        {
            (_loss, _margin, _agreed) = (state.Number("loss_sum"), state.Number("margin_sum"), state.Number("agreed"));
            (_steps, _pairs, _decided) = (state.Counter("steps_in_sums"), state.Counter("pairs_in_sums"), state.Counter("decided_in_sums"));
        }
    }
}
