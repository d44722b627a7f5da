using System.CommandLine;

namespace Rlhf.Cli;

/// <summary>Runs the command line; a fault a user can mend ends in one line on standard error and exit code 1.</summary>
internal static class CommandRunner
{
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        try
        {
            return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
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
    }
}
