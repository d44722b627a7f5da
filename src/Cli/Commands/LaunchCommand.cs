using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf launch</c>: starts a training command once for each rank of this machine, with torchrun's options and variables.</summary>
internal static class LaunchCommand
{
    // torchrun's grace between the first failure and the end of the others.
    private static readonly TimeSpan grace = TimeSpan.FromSeconds(30);

    public static Command Create()
    {
        var perNode = new Option<int>("--nproc-per-node") { Description = "Processes on this machine.", DefaultValueFactory = _ => 1 };
        var nodes = new Option<int>("--nnodes") { Description = "Machines; start the same command on each.", DefaultValueFactory = _ => 1 };
        var nodeRank = new Option<int>("--node-rank") { Description = "The number of this machine, from 0.", DefaultValueFactory = _ => 0 };
        var address = new Option<string>("--master-addr") { Description = "The address of machine 0.", DefaultValueFactory = _ => "127.0.0.1" };
        var port = new Option<int?>("--master-port") { Description = "The port rank 0 listens on; default: 29500, on one machine a free one." };
        var arguments = new Argument<string[]>("command") { Description = "The training command and its options, after --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("launch", "Train in several processes: rlhf launch --nproc-per-node 2 -- sft --dataset …") { perNode, nodes, nodeRank, address, port, arguments };
        command.SetAction(async (parse, stop) =>
        {
            var (local, machines, machine) = (parse.GetValue(perNode), parse.GetValue(nodes), parse.GetValue(nodeRank));
            List<string> faults = [];
            Require(local >= 1, $"--nproc-per-node is {local}; it must be positive.");
            Require(machines >= 1, $"--nnodes is {machines}; it must be positive.");
            Require(machine >= 0 && machine < Math.Max(1, machines), $"--node-rank is {machine}; legal values are 0 to {machines - 1}.");
            Require(parse.GetValue(port) is null or (> 0 and <= ushort.MaxValue), $"--master-port is {parse.GetValue(port)}; legal values are 1 to 65535.");
            UserFault.ThrowIfAny("launch", faults);
            var masterPort = parse.GetValue(port) ?? (machines == 1 ? FreePort() : 29500);
            var variables = Enumerable.Range(0, local).Select(rank => Variables(
                (machine * local) + rank, machines * local, rank, local, parse.GetRequiredValue(address), masterPort));
            return await RunAsync(parse.GetRequiredValue(arguments), [.. variables], stop);

            void Require(bool holds, string fault)
            {
                if (!holds)
                {
                    faults.Add(fault);
                }
            }
        });
        return command;
    }

    private static Dictionary<string, string> Variables(int rank, int size, int localRank, int perNode, string address, int port)
    {
        // Each process would otherwise take a thread for every processor.
        var threads = Text(Math.Max(1, Environment.ProcessorCount / perNode));
        return new(StringComparer.Ordinal)
        {
            ["RANK"] = Text(rank),
            ["WORLD_SIZE"] = Text(size),
            ["LOCAL_RANK"] = Text(localRank),
            ["MASTER_ADDR"] = address,
            ["MASTER_PORT"] = Text(port),
            ["DOTNET_PROCESSOR_COUNT"] = threads,
            ["OMP_NUM_THREADS"] = threads,
            ["OPENBLAS_NUM_THREADS"] = threads,
        };

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private static async Task<int> RunAsync(string[] arguments, IReadOnlyList<Dictionary<string, string>> variables, CancellationToken stop)
    {
        var processes = new List<Process>();
        try
        {
            processes.AddRange(variables.Select(own => Start(arguments, own)));

            // A rank that is asked to stop agrees with the others on the step after which all do.
            using var forward = stop.Register(() => processes.Where(p => !p.HasExited).ToList().ForEach(Terminate));
            var running = processes.ToList();
            while (running.Count > 0)
            {
                await Task.WhenAny(running.Select(p => p.WaitForExitAsync(CancellationToken.None)));
                running.RemoveAll(p => p.HasExited);
                if (processes.FirstOrDefault(p => p.HasExited && p.ExitCode != 0) is { } failed && !stop.IsCancellationRequested)
                {
                    // The others notice that it is gone, and say so.
                    await Task.WhenAny(Task.WhenAll(running.Select(p => p.WaitForExitAsync(CancellationToken.None))), Task.Delay(grace, stop));
                    return failed.ExitCode;
                }
            }

            return processes.Max(p => p.ExitCode);
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }

                process.Dispose();
            }
        }
    }

    private static Process Start(string[] arguments, Dictionary<string, string> variables)
    {
        // Run as "dotnet rlhf.dll …" or by its own executable.
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program);
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(typeof(LaunchCommand).Assembly.Location);
        }

        Array.ForEach(arguments, start.ArgumentList.Add);
        foreach (var (name, value) in variables)
        {
            if (name is "RANK" or "WORLD_SIZE" or "LOCAL_RANK" or "MASTER_ADDR" or "MASTER_PORT" || !start.Environment.ContainsKey(name))
            {
                start.Environment[name] = value;
            }
        }

        return Process.Start(start) ?? throw new UserException($"{program} could not be started.");
    }

    private static void Terminate(Process process)
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
