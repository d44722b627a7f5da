using System.CommandLine;
using Rlhf.Training.Hyperparameters;
using static TorchSharp.torch;

namespace Rlhf.Cli.Training;

/// <summary>The options that every training command has, and the session that they describe.</summary>
/// <typeparam name="TConfig">The method's hyperparameters.</typeparam>
internal sealed class TrainingOptions<TConfig>
    where TConfig : ITrainingHyperparameters, new()
{
    private readonly HyperparameterOptions<TConfig> _hyperparameters = new();
    private readonly Option<string?> _config = CommonOptions.Config();
    private readonly Option<string> _output = new("--output", "--output-dir", "--output_dir")
    {
        Description = "The directory to write; it appears complete or not at all. The run's state is kept in a directory of that name with .state added.",
        Required = true,
    };

    private readonly Option<bool> _resume = new("--resume")
    {
        Description = "Go on from the run's saved state: true needs one, false begins anew and removes it. Without the flag a saved state is gone on from if there is one.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _device = new("--device") { Description = "Where to compute: cpu; cuda and cuda:N are checked for, and refused until the methods compute there.", DefaultValueFactory = _ => "cpu" };
    private readonly Option<string[]> _reportTo = new("--report-to", "--report_to")
    {
        Description = "Where metrics go besides the screen: jsonl (metrics.jsonl), tensorboard (event files), none.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["jsonl"],
    };

    private readonly Option<string?> _loggingDir = new("--logging-dir", "--logging_dir") { Description = "Where metrics are written; default: the run's state directory." };
    private readonly Option<bool> _noMemoryCheck = new("--no-memory-check") { Description = "Start even if the run is not expected to fit into memory." };

    public TrainingOptions() => _reportTo.AcceptOnlyFromAmong("jsonl", "tensorboard", "none");

    /// <summary>Adds the options to a command, after its own.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasConfig">Whether the hyperparameters come from --config, and not from a file that the command reads itself.</param>
    public void AddTo(Command command, bool hasConfig = true)
    {
        if (hasConfig)
        {
            command.Options.Add(_config);
        }

        foreach (var option in new Option[] { _output, _resume, _device, _reportTo, _loggingDir, _noMemoryCheck })
        {
            command.Options.Add(option);
        }

        _hyperparameters.AddTo(command);
    }

    /// <summary>The hyperparameters of the flags and of --config.</summary>
    /// <exception cref="UserException">If the file is missing.</exception>
    /// <exception cref="HyperparametersException">With all faults.</exception>
    public TConfig Read(ParseResult parse)
    {
        var path = parse.GetValue(_config);
        return path is null || File.Exists(path)
            ? Read(parse, path is null ? null : File.ReadAllText(path))
            : throw new UserException($"--config {path}: no such file.");
    }

    /// <summary>The hyperparameters of the flags and a JSON text.</summary>
    /// <exception cref="HyperparametersException">With all faults.</exception>
    public TConfig Read(ParseResult parse, string? json) => _hyperparameters.Read(parse, json);

    /// <summary>The session that the options describe.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="name">What the progress display calls the run.</param>
    /// <param name="config">The hyperparameters.</param>
    /// <exception cref="UserException">If the device is not there.</exception>
    public TrainingSession Open(ParseResult parse, string name, TConfig config)
    {
        CheckDevice(parse.GetRequiredValue(_device));
        var output = parse.GetRequiredValue(_output).TrimEnd('/');
        var reportTo = parse.GetValue(_reportTo)!;
        return new TrainingSession(name, config, output)
        {
            
            // A flag that was not given has a result all the same, with the default of its type.
            Resume = parse.GetResult(_resume) is { Implicit: false } ? parse.GetValue(_resume) : null,
            ReportTo = reportTo.Contains("none") ? [] : reportTo,
            LoggingDirectory = parse.GetValue(_loggingDir),
            ChecksMemory = !parse.GetValue(_noMemoryCheck),
        };
    }

    private static void CheckDevice(string name)
    {
        var parts = name.Split(':');
        ushort index = 0;
        if (!(parts is ["cpu"] or ["cuda"] || (parts is ["cuda", var number] && ushort.TryParse(number, out index))))
        {
            throw new UserException($"--device is {name}; legal values: cpu, cuda, cuda:N.");
        }

        if (parts[0] == "cuda")
        {
            // Batches and masks are laid out in main memory, so a model on a GPU would meet tensors that are not there.
            var count = cuda.device_count();
            throw new UserException($"--device {name}: " + (
                count == 0 ? "this libtorch sees no NVIDIA GPU"
                : index >= count ? $"this machine has cuda:0 to cuda:{count - 1}"
                : "the training methods compute on the CPU so far") + "; leave the option out.");
        }
    }
}
