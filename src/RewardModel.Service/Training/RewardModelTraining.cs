using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Distributed;
using Rlhf.Training.Evaluation;
using Rlhf.Training.Metrics;
using TorchSharp;

namespace RewardModel.Service.Training;

/// <summary>
/// A whole reward-model run: one model or an ensemble from the same body, a bias for each that makes its mean score zero, and the calibration
/// of their mean on held-out comparisons.
/// </summary>
public sealed class RewardModelTraining : IDisposable
{
    private const ulong HeadStream = 1UL << 59;

    // As N+ separates its processes: members draw heads and orders that have nothing to do with each other.
    private const ulong SeedStep = 100_003;

    private readonly ScalarHeadModel[] _members;
    private readonly RewardModelTrainer[] _trainers;
    private readonly IReadOnlyList<RankedCompletions> _training;
    private readonly IReadOnlyList<RankedCompletions> _heldOut;
    private readonly IReadOnlyList<int[]>? _demonstrations;

    /// <summary>Makes the members and checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="body">The language model whose body the members start from; stays untouched.</param>
    /// <param name="training">What to learn from; at least one ranking.</param>
    /// <param name="heldOut">Rankings of prompts that are not in training; may be empty.</param>
    /// <param name="demonstrations">Prompt and completion tokens whose mean score becomes zero; null for all completions of the training rankings.</param>
    /// <param name="adapt">Attaches an adapter to a member, given its seed, so that only that is trained; null trains the whole model.</param>
    /// <param name="ranks">The processes that train together, each on its share of every batch; null: this one alone.</param>
    /// <exception cref="Rlhf.Training.Hyperparameters.HyperparametersException">If the configuration has faults.</exception>
    /// <exception cref="ArgumentException">If an example does not fit the model or the loss.</exception>
    public RewardModelTraining(
        RewardModelConfig config,
        CausalLanguageModel body,
        IReadOnlyList<RankedCompletions> training,
        IReadOnlyList<RankedCompletions> heldOut,
        IReadOnlyList<int[]>? demonstrations = null,
        Func<ScalarHeadModel, ulong, LoraAdapter?>? adapt = null,
        DataParallel? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        (_training, _heldOut, _demonstrations) = (training, heldOut, demonstrations);
        _members = new ScalarHeadModel[Math.Max(1, config.Ensemble)];
        _trainers = new RewardModelTrainer[_members.Length];
        for (var i = 0; i < _members.Length; i++)
        {
            var own = config with { Seed = config.Seed + ((ulong)i * SeedStep) };
            _members[i] = ScalarHeadModel.FromCausal(body, new Philox(own.Seed, HeadStream));
            var member = _members[i];
            _trainers[i] = new RewardModelTrainer(own, member, training, heldOut)
            {
                Adapter = adapt?.Invoke(member, own.Seed),
                SaveAverage = () => ShowAverage(member),
                Warn = m => Warn?.Invoke(m),
                Ranks = ranks ?? DataParallel.Alone,
            };
        }

        Ensemble = new RewardEnsemble(_members, config.UncertaintyPenalty);
    }

    /// <summary>The members and how their scores become one.</summary>
    public RewardEnsemble Ensemble { get; }

    /// <summary>Optimizer steps of all members together.</summary>
    public int TotalSteps => _trainers.Sum(t => t.TotalSteps);

    /// <summary>Told about saved states that are damaged and were passed over.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Called after the last step with the averaged weights in the model, under the bias that is theirs; afterwards the model has its own again.
    /// Never called without an average (ema_decay 0).
    /// </summary>
    public Action<ScalarHeadModel, LoraAdapter?>? SaveAverage { get; init; }

    /// <summary>Trains the members one after another, continuing from the newest states in <paramref name="stateDirectory"/> if there are any.</summary>
    /// <param name="stateDirectory">Where states are saved, those of the second member in <c>member-2</c> and so on; null saves none.</param>
    /// <param name="progress">Called at every report; steps are counted over all members.</param>
    /// <param name="stop">Saves a state and stops between two steps.</param>
    /// <exception cref="OperationCanceledException">After <paramref name="stop"/>.</exception>
    public RewardModelResult Train(string? stateDirectory = null, Action<TrainingProgress>? progress = null, CancellationToken stop = default)
    {
        var history = new List<TrainingProgress>();
        for (var i = 0; i < _trainers.Length; i++)
        {
            var before = i * _trainers[i].TotalSteps;
            var states = stateDirectory is null || i == 0 ? stateDirectory : Path.Combine(stateDirectory, $"member-{i + 1}");
            history.AddRange(_trainers[i].Train(states, report => progress?.Invoke(Counted(report, before)), stop).Select(report => Counted(report, before)));
            _trainers[i].Adapter?.MergeAndDetach();
        }

        Array.ForEach(_members, Normalise);

        var scores = Ensemble.Score(RewardModelTrainer.Sequences(_heldOut)).Means;
        var decided = RewardModelTrainer.Comparisons(_heldOut, scores).Where(c => !c.IsTie).Select(c => (double)c.Better - c.Worse).ToArray();
        return new RewardModelResult(
            history,
            [.. _members.Select(m => m.ScoreBias)],
            _trainers[0].Evaluate(_heldOut, scores),
            decided.Length == 0 ? null : RewardCalibration.Fit(decided));

        TrainingProgress Counted(TrainingProgress report, int before) => report with { Step = before + report.Step, TotalSteps = TotalSteps };
    }

    /// <inheritdoc/>
    public void Dispose() => Ensemble.Dispose();

    // The mean score of demonstrations becomes zero, so that the scores of different models compare (Stiennon et al. 2020, appendix B.1).
    private void Normalise(ScalarHeadModel member) => member.ScoreBias = SequenceScorer
        .Score(member, _demonstrations ?? RewardModelTrainer.Sequences(_training), member.Config.PadTokenId ?? 0).Average(s => (double)s);

    private void ShowAverage(ScalarHeadModel member)
    {
        if (SaveAverage is not null)
        {
            Normalise(member);
            SaveAverage(member, _trainers[0].Adapter);
            member.ScoreBias = 0;
        }
    }
}
