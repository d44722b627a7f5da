using System.Text.Json;
using Rlhf.TestSupport;

namespace Rlhf.EndToEnd.Tests;

public sealed class GenerateTests
{
    // Greedy output of a really trained Llama, token for token (the fixture's README says how it was checked).
    [Fact]
    [Trait("Category", "Parity")]
    public async Task Generate_Stories260K_EqualsTheReferenceTokenForToken()
    {
        var model = SharedData.Require("models", "stories260k");
        using var expected = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(model, "expected.json")));
        var sample = expected.RootElement.GetProperty("cases")[0];

        var (code, output, error) = await RlhfProcess.RunAsync(
            "generate", "--model", model, "--prompt", sample.GetProperty("prompt").GetString()!, "--max-new-tokens", "64", "--temperature", "0", "--json");

        Assert.True(code == 0, error);
        using var result = JsonDocument.Parse(output);
        Assert.Equal(Ids(sample.GetProperty("prompt_ids")), Ids(result.RootElement.GetProperty("promptIds")));
        Assert.Equal(Ids(sample.GetProperty("greedy_ids")), Ids(result.RootElement.GetProperty("ids")));
        Assert.Equal(sample.GetProperty("text").GetString(), result.RootElement.GetProperty("text").GetString());
        Assert.Equal(64, result.RootElement.GetProperty("logprobs").GetArrayLength());
    }

    [Fact]
    public async Task Generate_Seeded_RepeatsItself()
    {
        string[] arguments = ["generate", "--instruction", "--prompt", "Write down three fruits for Jack.", "--seed", "5"];
        var (code, first, error) = await RlhfProcess.RunAsync(arguments);
        Assert.True(code == 0, error);
        Assert.NotEqual("", first.Trim());
        Assert.Equal(first, (await RlhfProcess.RunAsync(arguments)).Output);
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];
}
