using Rlhf.Modeling.Transformer;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Memory;
using Rlhf.Training.Metrics;
using TorchSharp;

namespace Rlhf.Cli.Training;

/// <summary>One run of a training command: where it writes, how it goes on, and who sees its reports.</summary>
/// <param name="name">What the progress display calls it.</param>
/// <param name="config">The hyperparameters.</param>
/// <param name="output">The model directory to write.</param>
internal sealed class TrainingSession(string name, ITrainingHyperparameters config, string output)
{
    /// <summary>The model directory to write.</summary>
    public string Output => output;

    /// <summary>The directory of the averaged weights, where the run keeps an average.</summary>
    public string AverageOutput => output + "_ema";

    /// <summary>Where the run's states are.</summary>
    public string StateDirectory { get; private set; } = output + ".state";

    /// <summary>True: there must be a state; false: begin anew; null: go on if there is one.</summary>
    public bool? Resume { get; init; }

    /// <summary>Of jsonl and tensorboard those that get the reports.</summary>
    public IReadOnlyCollection<string> ReportTo { get; init; } = [];

    /// <summary>Where reports are written; null: with the states.</summary>
    public string? LoggingDirectory { get; init; }

    /// <summary>Whether a run that is not expected to fit is refused.</summary>
    public bool ChecksMemory { get; init; } = true;

    /// <summary>Says how many bytes there are.</summary>
    public Func<long> AvailableMemory { get; init; } = MemoryPlanner.Available;

    /// <summary>Keeps the states elsewhere; null: where they are.</summary>
    public TrainingSession WithStates(string? directory)
    {
        StateDirectory = directory ?? StateDirectory;
        return this;
    }

    /// <summary>Says what the run will hold in memory, and refuses it if that is more than there is.</summary>
    /// <exception cref="MemoryPlanException">If it does not fit.</exception>
    public void Plan(RunShape shape)
    {
        var plan = MemoryPlanner.Plan(shape with
        {
            Averaged = config.EmaDecay > 0 ? shape.Averaged : 0,
            Rows = shape.Rows * config.RowsOfAPass,
            GradientCheckpointing = config.GradientCheckpointing,
        });
        if (TrainingRanks.Current.IsMain)
        {
            Console.WriteLine($"memory:\n{plan}");
            if (config.Bf16 && !MixedPrecision.IsFasterOn(torch.CPU))
            {
                Console.WriteLine("bf16: this processor multiplies single precision faster, so products stay in it");
            }
        }

        if (ChecksMemory)
        {
            plan.Require(AvailableMemory());
        }
    }

    /// <summary>Runs a trainer, shows its reports and writes them; of several processes rank 0 does.</summary>
    /// <param name="train">Takes the state directory and whom to report to.</param>
    public void Run(Action<string, Action<TrainingProgress>> train)
    {
        if (!TrainingRanks.Current.IsMain)
        {
            train(StateDirectory, _ => { });
            return;
        }

        var states = new TrainingStateStore(StateDirectory);
        if (Resume == true && !states.HasStates)
        {
            throw new UserException($"--resume: there is no saved state in {StateDirectory}. Leave the flag out to begin a run.");
        }

        if (Resume == false)
        {
            states.Clear();
        }

        var directory = LoggingDirectory ?? StateDirectory;
        List<IMetricsSink> sinks = [];
        if (ReportTo.Contains("jsonl"))
        {
            sinks.Add(new MetricsJsonl(Path.Combine(directory, MetricsJsonl.FileName)));
        }

        if (ReportTo.Contains("tensorboard"))
        {
            sinks.Add(new TensorBoardWriter(directory, TimeProvider.System));
        }

        try
        {
            TrainingDisplay.Show(name, report => train(StateDirectory, progress =>
            {
                sinks.ForEach(sink => sink.Write(progress));
                report(progress);
            }));
        }
        finally
        {
            sinks.ForEach(sink => sink.Dispose());
        }
    }

    /// <summary>Says where the model is, and the average if there is one.</summary>
    public void Written()
    {
        Console.WriteLine($"written: {Output}");
        if (config.EmaDecay > 0)
        {
            Console.WriteLine($"written: {AverageOutput} (weights averaged over the run)");
        }
    }

    /// <summary>A warning of a trainer, for the person at the keyboard.</summary>
    public static void Warn(string message) => Console.Error.WriteLine("warning: " + message);
}
