using System.CommandLine;
using System.Text.Json;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Datasets;
using Rlhf.TestSupport;

namespace Cli.Tests.Commands;

/// <summary><c>rlhf convert</c>, <c>rlhf clean</c>, and how the training commands read and divide a file.</summary>
public sealed class DatasetCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-dataset-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Convert_AlpacaToShareGpt_IsWritten()
    {
        var input = Write("alpaca.json", """[{"instruction": "Add.", "input": "1 2", "output": "3", "id": 1}]""");

        Assert.Equal(0, await Invoke(ConvertCommand.Create(), input, At("out.jsonl"), "--to", "sharegpt"));

        Assert.Equal("""{"conversations":[{"from":"human","value":"Add.\n1 2"},{"from":"gpt","value":"3"}]}""", File.ReadAllText(At("out.jsonl")).Trim());
    }

    // Columns that the format itself understands are not among those without a place.
    [Theory]
    [InlineData("""{"prompt": "a", "completions": ["b", "c"], "ranks": [2, 1], "id": 7}""", "oasst")]
    [InlineData("""{"info": {"post": "a"}, "summaries": [{"text": "b"}, {"text": "c"}], "choice": 1, "id": 7}""", "preference")]
    [InlineData("""{"instruction": "a", "output_1": "b", "output_2": "c", "preference": 2, "id": 7}""", "preference")]
    public void Read_ColumnsWithoutAPlaceElsewhere_AreThoseTheFormatDoesNotKnow(string row, string other)
    {
        var rows = DatasetReader.ReadAll(Write("r.jsonl", row), null, out _);

        Assert.Equal(["id"], rows[0].Extra.Select(c => c.Key));
        Assert.Equal(1, DatasetWriter.Write(At("o.jsonl"), DatasetFormat.Named(other), rows));
        Assert.DoesNotContain("id\":7", File.ReadAllText(At("o.jsonl")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Convert_BrokenRow_WritesNothing()
    {
        var input = Write("a.jsonl", "{\"text\": \"a\"}\n{\"txt\": 1}\n");

        var fault = await Assert.ThrowsAsync<DatasetException>(() => Invoke(ConvertCommand.Create(), input, At("out.jsonl"), "--to", "language-modeling"));

        Assert.Contains("line 2: field \"text\" is missing", fault.Message, StringComparison.Ordinal);
        Assert.Equal([input], Directory.GetFiles(_directory));
    }

    [Fact]
    public async Task Clean_Corpus_IsWrittenWithAReport()
    {
        var text = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"word{i}"));
        var input = Write("c.txt", $"{text}\ntoo short\n{text.ToUpperInvariant()}\n");

        Assert.Equal(0, await Invoke(CleanCommand.Create(), "--files", input, "--output", At("out.txt"), "--report", At("report.json")));

        Assert.Equal(text + "\n", File.ReadAllText(At("out.txt")));
        using var report = JsonDocument.Parse(File.ReadAllText(At("report.json")));
        Assert.Equal(1, report.RootElement.GetProperty("kept").GetInt32());
        Assert.Equal(1, report.RootElement.GetProperty("reasons").GetProperty("exact_duplicate").GetInt32());
        Assert.Equal(
            [("too_short", "2 words"), ("exact_duplicate", input + ":1")],
            report.RootElement.GetProperty("dropped").EnumerateArray().Select(d => (d.GetProperty("reason").GetString()!, d.GetProperty("detail").GetString()!)));
    }

    [Fact]
    public async Task Clean_IllegalSettings_ListsThem()
    {
        var fault = await Assert.ThrowsAsync<UserException>(() => Invoke(
            CleanCommand.Create(), "--files", "x", "--output", At("o.jsonl"), "--min-words", "-1", "--similarity", "2"));

        Assert.Contains("min-words is -1", fault.Message, StringComparison.Ordinal);
        Assert.Contains("similarity is 2", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_Rows_AreDividedByPromptOrByNumber()
    {
        var file = Write("p.jsonl", string.Concat(Enumerable.Range(0, 60).Select(i => $$"""{"prompt": "q{{i % 20}}", "chosen": "a", "rejected": "b"}""" + "\n")));

        var byPrompt = Read(file, "--test-size", "0.3");
        Assert.Equal(60, byPrompt.Train.Count + byPrompt.Test.Count);
        Assert.NotEmpty(byPrompt.Test);
        Assert.Empty(byPrompt.Train.Select(r => r.SplitKey).Intersect(byPrompt.Test.Select(r => r.SplitKey)));

        // Twenty prompts, three answers each: the answers to the first eight are for training, wherever they stand.
        var first = Read(file, "--train-size", "8");
        Assert.Equal((24, 36), (first.Train.Count, first.Test.Count));
        Assert.Empty(first.Train.Select(r => r.SplitKey).Intersect(first.Test.Select(r => r.SplitKey)));
        Assert.Contains("legal values are 1 to 60", Assert.Throws<UserException>(() => Read(file, "--train-size", "61")).Message, StringComparison.Ordinal);
        Assert.Contains("give one", Assert.Throws<UserException>(() => Read(file, "--train-size", "6", "--test-size", "0.1")).Message, StringComparison.Ordinal);
        Assert.Contains("[0, 1)", Assert.Throws<UserException>(() => Read(file, "--test-size", "1")).Message, StringComparison.Ordinal);
        Assert.Contains("legal values: alpaca", Assert.Throws<DatasetException>(() => Read(file, "--format", "parquet")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_RowsWithoutWhatIsNeeded_SaysSo()
    {
        var file = Write("t.jsonl", """{"text": "a"}""");

        var fault = Assert.Throws<DatasetException>(() => DatasetOptions.Read(file, format: null).ToAll(file, DatasetType.Preference));

        Assert.Contains("language-modeling rows hold no preference rows", fault.Message, StringComparison.Ordinal);
    }

    // A whole run of the command on the model that ships: conversations, packed, with noise, the assistant's words only.
    [Fact]
    public async Task Sft_ShareGptPackedWithNoise_WritesAModel()
    {
        var file = Write("s.json", "[" + string.Join(',', Enumerable.Range(0, 4).Select(i =>
            $$"""{"conversations": [{"from": "human", "value": "Hi {{i}}"}, {"from": "gpt", "value": "Hello."}, {"from": "human", "value": "Bye"}, {"from": "gpt", "value": "Bye."}]}""")) + "]");
        var config = Write("config.json", """{"batch_size": 4, "packing": true, "neftune_noise_alpha": 5, "assistant_only_loss": true, "max_length": 128}""");

        Assert.Equal(0, await Invoke(
            SftCommand.Create(), "--model", Path.Combine(SharedData.RepositoryRoot, "models", "base"), "--dataset", file, "--config", config, "--output", At("model"), "--test-size", "0"));

        Assert.True(File.Exists(At(Path.Combine("model", "model.safetensors"))));
    }

    [Fact]
    public async Task Pretrain_OnFiles_WritesAModelAndRefusesAnotherCorpusForItsState()
    {
        var corpus = Write("corpus.txt", string.Concat(Enumerable.Range(0, 20).Select(i => $"one two three {i}\n")));
        var recipe = Write("recipe.json", """
            {
              "model": {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 32},
              "pretraining": {"steps": 2, "context_length": 16, "batch_size": 2, "warmup_steps": 0}
            }
            """);

        Assert.Equal(0, await Invoke(PretrainCommand.Create(), "--recipe", recipe, "--output", At("model"), "--files", corpus));

        Assert.True(File.Exists(At(Path.Combine("model", "model.safetensors"))));
        var other = Write("other.txt", "four five six\n");
        var fault = await Assert.ThrowsAsync<UserException>(() => Invoke(PretrainCommand.Create(), "--recipe", recipe, "--output", At("model"), "--files", other));
        Assert.Contains("another corpus", fault.Message, StringComparison.Ordinal);
    }

    private static (IReadOnlyList<DatasetRow> Train, IReadOnlyList<DatasetRow> Test) Read(string file, params string[] flags)
    {
        var options = new DatasetOptions("");
        var command = new Command("test");
        options.AddTo(command);
        return options.Read(command.Parse(["--dataset", file, .. flags]), seed: 1, DatasetType.Preference);
    }

    private static Task<int> Invoke(Command command, params string[] arguments) =>
        command.Parse(arguments).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken);

    private string Write(string name, string content)
    {
        File.WriteAllText(At(name), content);
        return At(name);
    }

    private string At(string name) => Path.Combine(_directory, name);
}
