using System.CommandLine;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Modeling.Tokenization;

namespace Cli.Tests.Commands;

public sealed class TokenizerCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-cli-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Train_TextAndJsonLines_LoadsBackAndIsTheSameTwice()
    {
        File.WriteAllText(File1, string.Concat(Enumerable.Range(0, 200).Select(i => $"the cat sat on mat {i % 7}\n")));
        File.WriteAllText(File2, "{\"text\": \"the dog sat\"}\n\n{\"text\": \"it's a dog\"}\n");
        foreach (var name in (string[])["a", "b"])
        {
            Assert.Equal(0, await Run("train", "--vocab-size", "300", "--files", File1, File2, "--output", Path.Combine(_directory, name), "--special-tokens", "<s>", "</s>", "--split", "llama3", "--min-frequency", "3"));
        }

        var tokenizer = Tokenizer.Load(Path.Combine(_directory, "a"));
        Assert.Equal((0, 1), (tokenizer.BosTokenId, tokenizer.EosTokenId));
        Assert.Single(tokenizer.Encode(" cat"));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_directory, "a", "tokenizer.json")), File.ReadAllBytes(Path.Combine(_directory, "b", "tokenizer.json")));
    }

    [Fact]
    public async Task Train_BadOptions_AllFaultsAtOnce()
    {
        var fault = await Assert.ThrowsAsync<UserException>(() => Run("train", "--vocab-size", "3", "--files", File1, "--output", _directory, "--split", "none"));
        Assert.Contains("vocab-size is 3", fault.Message, StringComparison.Ordinal);
        Assert.Contains("split is \"none\"", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"there is no file {File1}", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_RowWithoutText_NamesFileAndLine()
    {
        File.WriteAllText(File2, "{\"text\": \"a\"}\n{\"txt\": \"a\"}\n");
        var fault = await Record.ExceptionAsync(() => Run("train", "--vocab-size", "300", "--files", File2, "--output", _directory));
        Assert.Contains("line 2: field \"text\" is missing", (fault as AggregateException)?.InnerException?.Message ?? fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_LongLine_IsCutIntoWholeCharacters()
    {
        File.WriteAllText(File1, string.Concat(Enumerable.Repeat("👍", 1_200_000)) + "\nend");
        var pieces = TextFiles.Read(File1).ToArray();
        Assert.Equal(2_400_000 + 4, pieces.Sum(piece => piece.Length));
        Assert.All(pieces, piece => Assert.False(char.IsLowSurrogate(piece[0]) || char.IsHighSurrogate(piece[^1]) || piece.Length > 1_200_000));
        Assert.Equal("end", pieces[^1]);
    }

    private string File1 => Path.Combine(_directory, "one.txt");

    private string File2 => Path.Combine(_directory, "two.jsonl");

    private static Task<int> Run(params string[] arguments) =>
        TokenizerCommand.Create().Parse(arguments).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken);
}
