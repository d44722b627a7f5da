using System.CommandLine;
using System.Runtime.InteropServices;

namespace Rlhf.Cli;

/// <summary>Runs the command line; a fault a user can mend ends in one line on standard error and exit code 1.</summary>
internal static class CommandRunner
{
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        // Ctrl+C and SIGTERM ask once, and whatever runs ends in good order in its own time: a training run saves its state first.
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await root.Parse(args).InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token);
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("rlhf: stopped.");
            return 130;
        }
        catch (Exception exception) when (UserFault.Message(exception) is { } message)
        {
            await Console.Error.WriteLineAsync($"rlhf: {message}");
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }
}
