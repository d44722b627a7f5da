using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Rlhf.FaultCampaign;

/// <summary>
/// One service in a process of its own, as it is deployed: its build output, configured by the environment. Every start is an incarnation. A shell between
/// it and us waits on a pipe from this process and kills the service when the pipe closes: also when this process is killed.
/// </summary>
internal sealed partial class ServiceProcess : IAsyncDisposable
{
    // trap, setsid: Ctrl+C is for us alone, who then end the services in good order. The shell says the service's process id and ends with its exit code.
    private const string Script = """
        trap '' INT TERM HUP
        exec 3<&0
        setsid "$@" </dev/null 3<&- &
        service=$!
        echo $service
        { read -r _ <&3; kill -9 $service; } 2>/dev/null &
        guard=$!
        wait $service
        code=$?
        kill -9 $guard 2>/dev/null
        exit $code
        """;

    private readonly string _assembly;
    private readonly string _logFile;
    private readonly Func<string, IEnumerable<KeyValuePair<string, string>>> _environment;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly Lock _gate = new();
    private Process? _shell;
    private bool _isKilled;
    private Task _logging = Task.CompletedTask;

    /// <param name="name">Name in logs and in the database's sessions.</param>
    /// <param name="project">The project it is built from.</param>
    /// <param name="logDirectory">Its output goes to NAME.log there.</param>
    /// <param name="port">Where it listens on loopback.</param>
    /// <param name="environment">Its configuration, given the name of the incarnation.</param>
    public ServiceProcess(string name, string project, string logDirectory, int port, Func<string, IEnumerable<KeyValuePair<string, string>>> environment)
    {
        (Name, Address, _environment) = (name, new Uri($"http://127.0.0.1:{port}"), environment);
        _logFile = Path.Combine(logDirectory, name + ".log");
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));

        // artifacts/bin/<this project>/<configuration> → artifacts/bin/<project>/<configuration>
        _assembly = Path.Combine(output.Parent!.Parent!.FullName, project, output.Name, project + ".dll");
        if (!File.Exists(_assembly))
        {
            throw new FileNotFoundException($"{project} is not built: {_assembly}");
        }
    }

    public string Name { get; }

    public Uri Address { get; }

    public int Incarnation { get; private set; }

    public int ProcessId { get; private set; }

    /// <summary>How often it ended without being killed and was started again.</summary>
    public int Crashes { get; private set; }

    public void Start()
    {
        // Who kills it starts it again while others look whether it has ended: without the lock both would start one.
        lock (_gate)
        {
            _isKilled = false;
            Incarnation++;
            var start = new ProcessStartInfo("bash", ["-c", Script, "service", "dotnet", _assembly])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(_logFile)!,
            };
            start.Environment["ASPNETCORE_URLS"] = Address.ToString();
            foreach (var (key, value) in _environment($"{Name}#{Incarnation}"))
            {
                start.Environment[key] = value;
            }

            _shell = Process.Start(start)!;
            ProcessId = int.Parse(_shell.StandardOutput.ReadLine() ?? throw new IOException($"{Name} could not be started."), CultureInfo.InvariantCulture);
            _logging = Task.WhenAll(LogAsync(_shell.StandardOutput), LogAsync(_shell.StandardError));
        }
    }

    /// <summary>Starts it again if it has ended by itself, as an orchestrator does.</summary>
    public void RestartIfEnded()
    {
        lock (_gate)
        {
            if (!_isKilled && _shell is { HasExited: true })
            {
                Crashes++;
                Start();
            }
        }
    }

    /// <summary>Waits until it answers that it is ready, and starts it again when it ends meanwhile: at a bad moment it cannot start.</summary>
    public async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        while (!await IsReadyAsync(cancellationToken))
        {
            RestartIfEnded();
            await Task.Delay(100, cancellationToken);
        }
    }

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(Address, "/health/ready"), cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        lock (_gate)
        {
            _isKilled = true;
            if (!_shell!.HasExited)
            {
                Signal(ProcessId, 9);
            }
        }

        await _shell.WaitForExitAsync();
        await _logging;
    }

    /// <summary>Holds the process as a machine that sleeps does.</summary>
    public void Stop() => Signal(ProcessId, 19);

    /// <summary>Lets it go on.</summary>
    public void Continue() => Signal(ProcessId, 18);

    public async ValueTask DisposeAsync()
    {
        if (_shell is not null)
        {
            await KillAsync();
            _shell = null;
        }

        _http.Dispose();
    }

    private async Task LogAsync(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_gate)
            {
                File.AppendAllText(_logFile, $"#{Incarnation} {line}\n");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int process, int signal);
}
