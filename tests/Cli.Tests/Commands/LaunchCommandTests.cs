using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Cli.Tests.Training;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Torch.Extensions;
using static TorchSharp.torch;

namespace Cli.Tests.Commands;

/// <summary>Training in two real processes of the command line.</summary>
public sealed class LaunchCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-launch-").FullName;

    public LaunchCommandTests()
    {
        Assert.SkipUnless(DistributedLibrary.IsAvailable, $"no process groups in this build: {DistributedLibrary.Problem}");
        TinyPolicy.Write(At("model"), At("reward"));
        File.WriteAllLines(At("sft.jsonl"), Enumerable.Range(0, 7).Select(i => $$"""{"prompt": "Name colour {{i}}.", "completion": "red {{i}}"}"""));
        File.WriteAllLines(At("pairs.jsonl"), Enumerable.Range(0, 7).Select(i => $$"""{"prompt": "Name colour {{i}}.", "chosen": "red {{i}}", "rejected": "a colour"}"""));
        File.WriteAllLines(At("prompts.jsonl"), ["""{"prompt": "Name a colour."}""", """{"prompt": "Name two."}"""]);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    [InlineData("grpo")]
    [InlineData("ppo")]
    [InlineData("ppo --value-head true")]
    [InlineData("distill")]
    [InlineData("reward")]
    public async Task Launch_OfTwoProcesses_WritesTheModelOfOne(string method)
    {
        string[] arguments = method switch
        {
            "sft" => ["sft", "--model", At("model"), "--dataset", At("sft.jsonl"), "--batch-size", "5"],
            "dpo" => ["dpo", "--model", At("model"), "--dataset", At("pairs.jsonl"), "--batch-size", "3"],
            "reward" => ["reward", "--model", At("model"), "--dataset", At("pairs.jsonl"), "--batch-size", "3"],
            "distill" => ["distill", "--teacher", At("model"), "--student", At("model/config.json"), "--dataset", At("sft.jsonl"), "--batch-size", "3", "--max-new-tokens", "8"],
            _ => [.. method.Split(' '), "--model", At("model"), "--reward-model", At("reward"), "--prompts", At("prompts.jsonl"), "--batch-size", "8", "--updates", "2", "--max-new-tokens", "8"],
        };

        arguments = [.. arguments, "--learning-rate", "0.001"];
        using var one = Start([.. arguments, "--output", At("one")]);
        using var two = Start(["launch", "--nproc-per-node", "2", "--", .. arguments, "--output", At("two")]);
        var outputs = await Task.WhenAll(End(one), End(two));

        Assert.True(one.ExitCode == 0 && two.ExitCode == 0, string.Join('\n', outputs));
        Assert.Equal(1, outputs[1].Split($"written: {At("two")}").Length - 1);
        using var expected = Load("one");
        using var actual = Load("two");
        using var start = Load("model");
        using var scope = NewDisposeScope();
        Assert.True(Difference(expected, actual) < 1e-5, $"the weights differ by {Difference(expected, actual):g3}");
        Assert.True(Difference(expected, start) > 1e-4, "nothing was trained");

        nn.Module Load(string name) =>
            method == "reward" ? PretrainedModel.LoadScalar(At(name == "model" ? "reward" : name)) : PretrainedModel.LoadCausal(At(name));
    }

    [Fact]
    public async Task ARankThatIsKilled_EndsTheOther_WithAMessage()
    {
        var port = FreePort();
        string[] arguments = ["sft", "--model", At("model"), "--dataset", At("sft.jsonl"), "--batch-size", "3", "--epochs", "1000000", "--output", At("out")];
        using var first = Start(arguments, Rank(0, port));
        using var second = Start(arguments, Rank(1, port));
        var ends = End(second);

        // Reports appear once both train.
        string? line;
        do
        {
            line = await first.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line is not null && !line.StartsWith("SFT", StringComparison.Ordinal));
        second.Kill();
        var output = await End(first);
        await ends;

        Assert.Equal(1, first.ExitCode);
        Assert.Contains("rlhf: rank 0 of 2: another rank has ended or does not answer", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("out")));
    }

    [Fact]
    public async Task Launch_WhenARankFails_EndsWithItsCode()
    {
        using var launch = Start(["launch", "--nproc-per-node", "2", "--", "sft", "--model", At("model"), "--dataset", At("absent.jsonl"), "--output", At("out")]);

        Assert.Contains("absent.jsonl: no such file", await End(launch), StringComparison.Ordinal);
        Assert.Equal(1, launch.ExitCode);
    }

    [Fact]
    public async Task Launch_WithImpossibleNumbers_NamesThemAll()
    {
        var error = await Assert.ThrowsAsync<UserException>(() => new RootCommand { LaunchCommand.Create() }
            .Parse(["launch", "--nproc-per-node", "0", "--node-rank", "1", "--master-port", "70000", "--", "sft"])
            .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken));

        Assert.Contains("--nproc-per-node is 0; it must be positive.", error.Message, StringComparison.Ordinal);
        Assert.Contains("--node-rank is 1; legal values are 0 to 0.", error.Message, StringComparison.Ordinal);
        Assert.Contains("--master-port is 70000; legal values are 1 to 65535.", error.Message, StringComparison.Ordinal);
    }

    private static double Difference(nn.Module a, nn.Module b) =>
        a.parameters().Zip(b.parameters(), (x, y) => (double)(x - y).abs().max().item<float>()).Max();

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static (string Name, string Value)[] Rank(int rank, int port) =>
        [("RANK", $"{rank}"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", $"{port}"), ("DOTNET_PROCESSOR_COUNT", "1")];

    private static Process Start(string[] arguments, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "rlhf.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<string> End(Process process)
    {
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return string.Concat(output);
    }

    private string At(string name) => Path.Combine(_directory, name);
}
