using System.CommandLine;
using System.Text.Json;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Modeling.Gguf;
using Rlhf.TestSupport;

namespace Cli.Tests.Commands;

public sealed class QuantizeCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-quantize-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Q8_Stories260k_ChangesItsPerplexityByLessThanTwoThousandths()
    {
        var model = SharedData.Require("models", "stories260k");
        var texts = Path.Combine(_directory, "texts.txt");
        File.WriteAllText(texts, """
            Once upon a time, there was a little girl named Lily. She loved to play outside in the park.
            One day, Tom found a big red ball. He was very happy and wanted to play with his friend.
            The dog ran to the tree. "Hello, little bird," said the dog. The bird sang a song.

            """);
        var path = Path.Combine(_directory, "stories.gguf");

        var printed = JsonDocument.Parse(await Quantize("--model", model, "--dataset", texts, "--output", path, "--json")).RootElement;

        var (before, after, ratio) = (printed.GetProperty("perplexity")[0].GetDouble(), printed.GetProperty("quantizedPerplexity")[0].GetDouble(), printed.GetProperty("perplexityRatio"));
        Assert.Equal(3, printed.GetProperty("documents").GetInt32());
        Assert.InRange(before, 2, 20);
        Assert.NotEqual(before, after);
        Assert.Equal(after / before, ratio[0].GetDouble(), 1e-9);
        Assert.InRange(ratio[0].GetDouble(), 0.998, 1.001);
        Assert.InRange(ratio[0].GetDouble(), ratio[1].GetDouble(), ratio[2].GetDouble());
        Assert.Equal(new FileInfo(path).Length, printed.GetProperty("quantizedBytes").GetInt64());
        Assert.Equal(new FileInfo(Path.Combine(model, "model.safetensors")).Length, printed.GetProperty("bytes").GetInt64());
        using var file = GgufFile.Open(path);
        Assert.Equal("Q8_0", file.Describe("token_embd.weight").Type);
    }

    [Fact]
    public async Task Bf16_ShippedModel_CostsNothing()
    {
        // The shipped weights are in bf16 already: rounding them there again changes nothing, so the ratio is exactly 1.
        var path = Path.Combine(_directory, "base.gguf");
        var printed = await Quantize("--model", Path.Combine(SharedData.RepositoryRoot, "models", "base"), "--type", "bf16", "--limit", "2", "--output", path);
        Assert.Contains("1.0000 (1.0000 to 1.0000)", printed, StringComparison.Ordinal);
        Assert.True(File.Exists(path));
    }

    [Fact]
    public async Task ImpossibleWishes_AreRefusedBeforeAnythingIsWritten()
    {
        var fault = await Assert.ThrowsAsync<UserException>(() => Quantize("--output", _directory, "--limit", "0", "--batch-size", "0"));
        Assert.Contains("is a directory", fault.Message, StringComparison.Ordinal);
        Assert.Contains("--limit is 0", fault.Message, StringComparison.Ordinal);
        Assert.Contains("--batch-size is 0", fault.Message, StringComparison.Ordinal);
        var empty = Path.Combine(_directory, "empty.txt");
        File.WriteAllText(empty, "\n \n");
        var path = Path.Combine(_directory, "x.gguf");
        var noText = await Assert.ThrowsAsync<UserException>(() =>
            Quantize("--model", Path.Combine(SharedData.RepositoryRoot, "models", "base"), "--dataset", empty, "--output", path));
        Assert.Contains("has no token", noText.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    private static async Task<string> Quantize(params string[] arguments)
    {
        var output = new StringWriter();
        var code = await new RootCommand { QuantizeCommand.Create() }.Parse(["quantize", .. arguments])
            .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output });
        Assert.Equal(0, code);
        return output.ToString();
    }
}
