using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Bench;

/// <summary>
/// A process that runs one repetition a request, so that its repetitions can be interleaved with ours: one JSON object a line on its
/// standard input, one with numbers a line on its standard output.
/// </summary>
public sealed class BenchChild : IDisposable
{
    private static readonly ConcurrentDictionary<int, BenchChild> living = [];
    private readonly Process _process;

    private BenchChild(Process process)
    {
        _process = process;
        living[process.Id] = this;
    }

    /// <summary>Ids of the children that run now.</summary>
    public static IEnumerable<int> Living => living.Keys;

    /// <summary>Starts a program.</summary>
    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Set besides the environment of this process.</param>
    public static BenchChild Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new BenchChild(Process.Start(start) ?? throw new InvalidOperationException($"{file} does not start"));
    }

    /// <summary>Starts this program again, to answer the requests of <see cref="Serve"/>.</summary>
    /// <param name="environment">Set besides the environment of this process.</param>
    public static BenchChild StartSelf(IReadOnlyDictionary<string, string> environment) =>
        Start(Environment.ProcessPath!, [.. Environment.GetCommandLineArgs()[0] is var dll && Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? [dll] : Array.Empty<string>(), "serve"], environment);

    /// <summary>
    /// A script of bench/baselines under Debian's python3-torch, or null after a line that says why there is none. Another python3 on the
    /// path may have no torch.
    /// </summary>
    /// <param name="script">The file's name.</param>
    /// <param name="environment">What it runs in.</param>
    public static BenchChild? StartPython(string script, BaselineEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        const string Python = "/usr/bin/python3";
        if (!File.Exists(Python) || !HasTorch())
        {
            Console.WriteLine($"No PyTorch baseline: {Python} cannot import torch (Debian and Ubuntu: apt install python3-torch).\n");
            return null;
        }

        return Start(Python, ["-B", Path.Combine(AppContext.BaseDirectory, "baselines", script)], environment.ForPython());

        static bool HasTorch()
        {
            using var probe = Process.Start(new ProcessStartInfo(Python, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"]))!;
            probe.WaitForExit();
            return probe.ExitCode == 0;
        }
    }

    /// <summary>Answers requests until the parent closes the pipe: the child's side.</summary>
    /// <param name="answer">The numbers for a request.</param>
    public static void Serve(Func<JsonObject, IReadOnlyDictionary<string, double>> answer)
    {
        while (Console.ReadLine() is { } line)
        {
            Console.WriteLine(JsonSerializer.Serialize(answer(JsonNode.Parse(line)!.AsObject())));
        }
    }

    /// <summary>One request.</summary>
    /// <param name="fields">Its fields; "task" names what to do.</param>
    /// <returns>The numbers of the reply.</returns>
    /// <exception cref="InvalidOperationException">If the child has ended.</exception>
    public IReadOnlyDictionary<string, double> Request(JsonObject fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        _process.StandardInput.WriteLine(fields.ToJsonString());
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() is { } reply
            ? JsonSerializer.Deserialize<Dictionary<string, double>>(reply)!
            : throw new InvalidOperationException($"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} has ended; see its messages above");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        living.TryRemove(_process.Id, out _);
        _process.Dispose();
    }
}
