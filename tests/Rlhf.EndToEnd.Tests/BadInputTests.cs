using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Rlhf.TestSupport;

namespace Rlhf.EndToEnd.Tests;

/// <summary>Each mistake ends in one clear message that says what to do, and nothing is changed.</summary>
public sealed class BadInputTests
{
    [Fact]
    public async Task Import_BrokenLine_NamesTheLineAndImportsNothing()
    {
        using var folder = new TemporaryDirectory();
        const string Good = """{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!", "rejected": "\n\nHuman: Hi\n\nAssistant: Go away."}""";
        await File.WriteAllLinesAsync(folder["pairs.jsonl"], [Good, """{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!"}""", Good]);

        var (code, _, error) = await RlhfProcess.RunAsync("import", folder["pairs.jsonl"], "--data", folder["data"], "--train-size", "1");

        Assert.Equal(1, code);
        Assert.Contains("line 2: field \"rejected\" is missing or not a string", error, StringComparison.Ordinal);
        Assert.Contains("Nothing was used", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["data"]));
    }

    [Fact]
    public async Task Generate_TruncatedCheckpoint_IsRefused()
    {
        var model = SharedData.Require("models", "stories260k");
        using var folder = new TemporaryDirectory();
        foreach (var file in Directory.EnumerateFiles(model))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
            File.SetUnixFileMode(folder[Path.GetFileName(file)], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        await using (var weights = File.OpenWrite(folder["model.safetensors"]))
        {
            weights.SetLength(weights.Length / 2);
        }

        var (code, _, error) = await RlhfProcess.RunAsync("generate", "--model", folder.Path, "--prompt", "Once");

        Assert.Equal(1, code);
        Assert.Contains("model.safetensors", error, StringComparison.Ordinal);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Pretrain_UnknownKeys_AreAllListed()
    {
        using var folder = new TemporaryDirectory();
        await File.WriteAllTextAsync(folder["recipe.json"], """{"model": {"hiden_size": 8}, "pretraining": {"stepps": 3, "batch_size": 0}}""");

        var (code, _, error) = await RlhfProcess.RunAsync("pretrain", "--recipe", folder["recipe.json"], "--output", folder["out"]);

        Assert.Equal(1, code);
        Assert.Contains("hiden_size is unknown", error, StringComparison.Ordinal);
        Assert.Contains("stepps is unknown", error, StringComparison.Ordinal);
        Assert.Contains("batch_size is 0", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public async Task Up_AddressInUse_SaysSo()
    {
        using var folder = new TemporaryDirectory();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var (code, _, error) = await RlhfProcess.RunAsync("up", "--data", folder["data"], "--urls", $"http://127.0.0.1:{port}");

        Assert.Equal(1, code);
        Assert.Contains("--urls", error, StringComparison.Ordinal);
        Assert.Contains($"{port}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_SecondProcessOnTheSameData_IsRefusedAndNamesTheFirst()
    {
        using var folder = new TemporaryDirectory();
        await using var first = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0");
        await first.WaitForAsync(new Regex("rlhf is up: (?<url>\\S+)"), TimeSpan.FromMinutes(1));

        var (code, _, error) = await RlhfProcess.RunAsync("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0");

        Assert.Equal(1, code);
        Assert.Contains($"{first.Id}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_WithoutLibtorch_SaysWhatToInstall()
    {
        // The program as it is built where neither libtorch nor a compiler is: without the shim.
        using var folder = new TemporaryDirectory();
        var program = Path.GetDirectoryName(RlhfProcess.CliAssembly())!;
        foreach (var file in Directory.EnumerateFiles(program).Where(f => Path.GetFileName(f) != "librlhftorch.so"))
        {
            File.Copy(file, folder[Path.GetFileName(file)]);
        }

        var (code, _, error) = await RlhfProcess.RunAsync(
            new Dictionary<string, string> { ["RLHF_CLI"] = folder["rlhf.dll"] },
            "generate", "--model", Path.Combine(program, "models", "base"), "--prompt", "Once");

        Assert.Equal(1, code);
        Assert.Contains("libtorch", error, StringComparison.Ordinal);
        Assert.Contains("./rlhf", error, StringComparison.Ordinal);
    }
}
