using System.CommandLine;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.TestSupport;

namespace Cli.Tests.Commands;

public sealed class ExportCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-export-").FullName;

    private static string Model { get; } = Path.Combine(SharedData.RepositoryRoot, "models", "base");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Gguf_ShippedModel_IsWritten()
    {
        var path = Path.Combine(_directory, "base.gguf");
        Assert.Equal(0, await Export("--model", Model, "--type", "q8_0", "--output", path));
        using var file = GgufFile.Open(path);
        Assert.Equal("Q8_0", file.Describe("token_embd.weight").Type);
        Assert.Equal("base", file.Metadata["general.name"]);
    }

    [Fact]
    public async Task SafeTensors_ShippedModel_LoadsAgain()
    {
        var path = Path.Combine(_directory, "single");
        Assert.Equal(0, await Export("--model", Model, "--format", "safetensors", "--type", "f32", "--output", path));
        using var model = PretrainedModel.LoadCausal(path);

        // The shipped file is in bf16: half of it.
        Assert.InRange((double)new FileInfo(Path.Combine(path, "model.safetensors")).Length / new FileInfo(Path.Combine(Model, "model.safetensors")).Length, 1.9, 2.0);
    }

    [Fact]
    public async Task SafeTensors_SmallShards_HasAnIndex()
    {
        var path = Path.Combine(_directory, "shards");
        Assert.Equal(0, await Export("--model", Model, "--format", "safetensors", "--type", "f16", "--max-shard-size", "3MB", "--output", path));
        Assert.True(File.Exists(Path.Combine(path, "model.safetensors.index.json")));
        var fault = await Assert.ThrowsAsync<UserException>(() => Export("--model", Model, "--max-shard-size", "3", "--output", path));
        Assert.Contains("--max-shard-size 3 must be", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ImpossibleWishes_AreRefused()
    {
        var quantized = await Assert.ThrowsAsync<UserException>(() => Export("--model", Model, "--format", "safetensors", "--type", "q8_0", "--output", Path.Combine(_directory, "x")));
        Assert.Contains("--type q8_0 is a type of --format gguf", quantized.Message, StringComparison.Ordinal);
        var directory = await Assert.ThrowsAsync<UserException>(() => Export("--model", Model, "--output", _directory));
        Assert.Contains("is a directory", directory.Message, StringComparison.Ordinal);
        Assert.NotEqual(0, await Export("--model", Model, "--type", "q4_0", "--output", Path.Combine(_directory, "x")));
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    private static Task<int> Export(params string[] arguments) =>
        new RootCommand { ExportCommand.Create() }.Parse(["export", .. arguments]).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
