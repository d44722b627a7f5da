using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Rlhf.TestServers;

/// <summary>
/// A server program on this machine. A shell between it and us waits on a pipe from this process and ends the server, and removes its folder, when
/// the pipe closes: also when this process is killed.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    // $1 folder to remove at the end, or empty; $2 user that root drops to; $3 signal that asks the server to stop; then the command.
    // setsid gives the server a process group of its own, so that what it starts ends with it. The trap: Ctrl+C and timeout signal this shell too, which
    // must live on to end the server.
    private const string Script = """
        trap : INT TERM HUP
        folder=$1 user=$2 signal=$3; shift 3
        if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid="$user" --regid="$user" --init-groups "$@"; fi
        setsid "$@" </dev/null >>server.log 2>&1 &
        server=$!
        echo $server
        if read -r _; then folder=; fi
        kill -s "$signal" -- -$server 2>/dev/null
        for _ in $(seq 100); do kill -0 -- -$server 2>/dev/null || break; sleep 0.1; done
        kill -9 -- -$server 2>/dev/null
        wait $server 2>/dev/null
        cd /
        [ -z "$folder" ] || rm -rf "$folder"
        """;

    private readonly Process _shell;
    private readonly int _group;

    private ServerProcess(Process shell, int group)
    {
        (_shell, _group) = (shell, group);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop();
    }

    /// <summary>Whether root runs the tests; servers refuse that and are started under their own users.</summary>
    public static bool IsRoot { get; } = Environment.UserName == "root";

    /// <summary>Starts a command in a folder, where it also logs (server.log).</summary>
    /// <param name="directory">Working directory.</param>
    /// <param name="user">The user root drops to.</param>
    /// <param name="signal">What stops the server properly: "INT", "TERM".</param>
    /// <param name="removeDirectory">Whether the folder goes with the server.</param>
    /// <param name="environment">Variables to add.</param>
    /// <param name="command">Program and arguments.</param>
    public static async Task<ServerProcess> StartAsync(
        string directory,
        string user,
        string signal,
        bool removeDirectory,
        IReadOnlyDictionary<string, string> environment,
        params string[] command)
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = directory };
        foreach (var argument in (IEnumerable<string>)["-c", Script, "server", removeDirectory ? directory : "", user, signal, .. command])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var shell = Process.Start(start)!;
        var group = int.Parse(await shell.StandardOutput.ReadLineAsync() ?? throw new IOException($"{command[0]} could not be started."), CultureInfo.InvariantCulture);
        return new ServerProcess(shell, group);
    }

    /// <summary>Runs a command to its end, as the server's user.</summary>
    public static async Task RunAsync(string directory, string user, params string[] command)
    {
        string[] all = IsRoot && user.Length > 0 ? ["setpriv", $"--reuid={user}", $"--regid={user}", "--init-groups", .. command] : command;
        var start = new ProcessStartInfo(all[0], all[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new IOException($"{string.Join(' ', command)} ended with {process.ExitCode}: {await output} {await error}");
        }
    }

    /// <summary>A folder the server's user may write to.</summary>
    public static async Task<string> CreateDirectoryAsync(string prefix, string user)
    {
        var directory = Directory.CreateTempSubdirectory(prefix).FullName;
        if (IsRoot)
        {
            await RunAsync("/", "", "chown", $"{user}:{user}", directory);
        }

        return directory;
    }

    /// <summary>A port nobody listens on now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Asks until the server answers.</summary>
    /// <param name="isReady">Returns when it answers, throws while it does not.</param>
    /// <exception cref="IOException">The server has ended, or did not answer within five minutes; with the end of its log.</exception>
    public async Task WaitUntilReadyAsync(Func<Task> isReady)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await isReady();
                return;
            }
            catch (Exception exception)
            {
                if (!Directory.Exists($"/proc/{_group}") || waited.Elapsed > TimeSpan.FromMinutes(5))
                {
                    var log = Path.Combine(_shell.StartInfo.WorkingDirectory, "server.log");
                    throw new IOException($"the server did not start: {(File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(20)) : "no log")}", exception);
                }

                await Task.Delay(50);
            }
        }
    }

    /// <summary>Ends the server at once (SIGKILL), keeping its folder, as a crash does.</summary>
    public async Task KillAsync()
    {
        await RunAsync("/", "", "kill", "-9", "--", $"-{_group}");
        await _shell.StandardInput.WriteLineAsync("keep the folder");
        await _shell.StandardInput.FlushAsync();
        await _shell.WaitForExitAsync();
    }

    /// <summary>Ends the server.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_shell.HasExited)
        {
            _shell.StandardInput.Close();
            await _shell.WaitForExitAsync();
        }
    }

    private void Stop()
    {
        if (!_shell.HasExited)
        {
            _shell.StandardInput.Close();
            _shell.WaitForExit(15_000);
        }
    }
}
