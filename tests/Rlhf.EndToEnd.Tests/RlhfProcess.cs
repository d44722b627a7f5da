using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Rlhf.EndToEnd.Tests;

/// <summary>The real command line in a process of its own, as a user starts it.</summary>
internal sealed partial class RlhfProcess : IAsyncDisposable
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly Lock _gate = new();

    private RlhfProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_gate)
            {
                return _output.ToString();
            }
        }
    }

    public string Error
    {
        get
        {
            lock (_gate)
            {
                return _error.ToString();
            }
        }
    }

    public static RlhfProcess Start(params string[] arguments) => Start(NoEnvironment, arguments);

    public static RlhfProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.ArgumentList.Add(environment.GetValueOrDefault("RLHF_CLI") ?? CliAssembly());
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        var process = Process.Start(start)!;
        var run = new RlhfProcess(process);
        process.OutputDataReceived += (_, e) => run.Append(run._output, e.Data);
        process.ErrorDataReceived += (_, e) => run.Append(run._error, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return run;
    }

    /// <summary>Runs to the end.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) => await RunAsync(NoEnvironment, arguments);

    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        await using var run = Start(environment, arguments);
        var code = await run.ExitAsync(TimeSpan.FromMinutes(10));
        return (code, run.Output, run.Error);
    }

    public async Task<int> ExitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"rlhf did not end within {limit}.\n{Output}\n{Error}");
        }

        return _process.ExitCode;
    }

    /// <summary>The first match in the output, waiting for it to be printed.</summary>
    public async Task<Match> WaitForAsync(Regex pattern, TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < limit)
        {
            if (pattern.Match(Output) is { Success: true } match)
            {
                return match;
            }

            if (_process.HasExited)
            {
                throw new InvalidOperationException($"rlhf ended with {_process.ExitCode} before printing {pattern}.\n{Output}\n{Error}");
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"rlhf did not print {pattern} within {limit}.\n{Output}\n{Error}");
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Ctrl+C.</summary>
    public void Interrupt() => SysKill(_process.Id, 2);

    /// <summary>SIGTERM, as a container engine or systemd sends it.</summary>
    public void Terminate() => SysKill(_process.Id, 15);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    /// <summary>The built command line.</summary>
    public static string CliAssembly() => Assembly("Cli", "rlhf.dll");

    /// <summary>A built program, by its project and file.</summary>
    public static string Assembly(string project, string file)
    {
        // artifacts/bin/Rlhf.EndToEnd.Tests/<configuration> → artifacts/bin/<project>/<configuration>
        var configuration = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
        var assembly = Path.Combine(configuration.Parent!.Parent!.FullName, project, configuration.Name, file);
        return File.Exists(assembly) ? assembly : throw new FileNotFoundException($"{project} is not built: {assembly}");
    }

    private void Append(StringBuilder target, string? line)
    {
        if (line is not null)
        {
            lock (_gate)
            {
                target.AppendLine(line);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SysKill(int process, int signal);
}
