using System.CommandLine;
using System.Text.Json;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.TaskFamilies;
using Rlhf.TestSupport;

namespace Cli.Tests.Commands;

/// <summary>On the model that ships; what the model says is not looked at.</summary>
public sealed class GenerateCommandTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Generate_Json_OneObjectForEverySequence()
    {
        var lines = await Lines("--prompt", "The", "--max-new-tokens", "5", "--num-return-sequences", "3", "--seed", "4", "--json");
        Assert.Equal(3, lines.Length);
        foreach (var line in lines)
        {
            using var sequence = JsonDocument.Parse(line);
            Assert.StartsWith("The", sequence.RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
            Assert.Equal(sequence.RootElement.GetProperty("ids").GetArrayLength(), sequence.RootElement.GetProperty("logprobs").GetArrayLength());
        }

        Assert.Equal(lines, await Lines("--prompt", "The", "--max-new-tokens", "5", "--num-return-sequences", "3", "--seed", "4", "--json"));
    }

    [Fact]
    public async Task Generate_Stream_SameTextAsAtTheEnd()
    {
        string[] arguments = ["--prompt", "Name three fruits.", "--instruction", "--max-new-tokens", "12", "--top-p", "0.9", "--repetition-penalty", "1.1"];
        var text = await Lines(arguments);
        Assert.Equal(text, await Lines([.. arguments, "--stream"]));

        // With JSON the tokens come first, then the sequence.
        var streamed = (await Lines([.. arguments, "--stream", "--json"])).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(streamed[^1].GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), streamed[..^1].Select(token => token.GetProperty("id").GetInt32()));
        Assert.Equal(string.Join('\n', text), string.Concat(streamed[..^1].Select(token => token.GetProperty("text").GetString())));
        Assert.Equal(streamed[^1].GetProperty("finishReason").GetString(), streamed[^2].GetProperty("finishReason").GetString());
    }

    [Fact]
    public async Task Generate_File_IsThePromptWithoutItsLastNewline()
    {
        await File.WriteAllTextAsync(_file, "Once upon\n");
        var fromFile = await Lines("--file", _file, "--max-new-tokens", "4", "--json");
        Assert.Equal(await Lines("--prompt", "Once upon", "--max-new-tokens", "4", "--json"), fromFile);
    }

    [Fact]
    public async Task Generate_Beams_AreGreedyAndScored()
    {
        var lines = await Lines("--prompt", "The", "--max-new-tokens", "4", "--num-beams", "3", "--num-return-sequences", "2", "--early-stopping", "true", "--json");
        var scores = lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("score").GetDouble()).ToArray();
        Assert.Equal(2, scores.Length);
        Assert.True(scores[0] >= scores[1]);
    }

    [Fact]
    public async Task Generate_StopStringAndBias_AreUsed()
    {
        string[] arguments = ["--prompt", "Name three fruits.", "--instruction", "--max-new-tokens", "12", "--min-new-tokens", "12", "--temperature", "0"];
        var free = string.Join('\n', await Lines(arguments));
        var stop = free[3..6];
        var stopped = string.Join('\n', await Lines([.. arguments[..^4], "--temperature", "0", "--stop", stop]));
        Assert.Equal(free[..free.IndexOf(stop, StringComparison.Ordinal)], stopped);

        var first = FirstId(await Lines([.. arguments, "--json"]));
        Assert.NotEqual(first, FirstId(await Lines([.. arguments, "--json", "--logit-bias", $"{first}-inf"])));

        static int FirstId(string[] lines) => JsonDocument.Parse(Assert.Single(lines)).RootElement.GetProperty("ids")[0].GetInt32();
    }

    [Theory]
    [InlineData("one of them", "--max-new-tokens", "3")]
    [InlineData("one of them", "--prompt", "a", "--file", "b")]
    [InlineData("TopP (2) must lie in (0, 1]", "--prompt", "a", "--top-p", "2", "--top-k", "-1")]
    [InlineData("TopK (-1) must be 0", "--prompt", "a", "--top-p", "2", "--top-k", "-1")]
    [InlineData("--logit-bias 7 must be like 15043+1.5", "--prompt", "a", "--logit-bias", "7")]
    [InlineData("exceeds max_position_embeddings", "--prompt", "a", "--max-new-tokens", "100000")]
    [InlineData("--stream shows one sequence", "--prompt", "a", "--stream", "--num-return-sequences", "2")]
    [InlineData("LogitBias has id 999999", "--prompt", "a", "--logit-bias", "999999+1")]
    public async Task Generate_WhatCannotBe_IsSaid(string expected, params string[] arguments) =>
        Assert.Contains(expected, (await Assert.ThrowsAsync<UserException>(() => Lines(arguments))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Generate_BestOfNByAChecker_IsTheAnswerItScoresHighest()
    {
        string[] arguments = ["--best-of-n", "6", "--checker", "question", "--max-new-tokens", "12", "--seed", "3", "--json"];
        var lines = await Lines(arguments);
        var task = Assert.Single(TaskPromptSet.Draw(TaskFamilyRegistry.Find("question"), 1, heldOut: true, seed: 3));
        var samples = lines.Select(line => JsonDocument.Parse(line).RootElement).ToArray();

        // The prompt of the family, laid out for an answer, and each answer with what its checker says.
        Assert.Equal(6, samples.Length);
        var layout = DialogueFormat.Prompt(task.Text);
        foreach (var sample in samples)
        {
            var text = sample.GetProperty("text").GetString()!;
            Assert.StartsWith(layout, text, StringComparison.Ordinal);
            var score = TaskFamilyRegistry.Score(task, text[layout.Length..]);
            Assert.Equal(((float)score.Value, score.Passed), (sample.GetProperty("reward").GetSingle(), sample.GetProperty("passed").GetBoolean()));
        }

        var rewards = samples.Select(s => s.GetProperty("reward").GetSingle()).ToArray();
        Assert.Equal(rewards.OrderDescending(), rewards);
        Assert.True(rewards[0] > rewards[^1], "all answers are worth the same: nothing was chosen");

        // The same prompt and facts given by hand are the same request.
        Assert.Equal(lines, await Lines([.. arguments, "--prompt", task.Text, "--spec", task.SpecJson]));
        Assert.Equal(samples[0].GetProperty("text").GetString()![layout.Length..], string.Join('\n', await Lines(arguments[..^1])));
    }

    [Theory]
    [InlineData("legal values: story, question", "--best-of-n", "2", "--checker", "no-such")]
    [InlineData("belong together", "--checker", "question")]
    [InlineData("belong together", "--prompt", "a", "--best-of-n", "2")]
    [InlineData("leave one out", "--best-of-n", "2", "--checker", "question", "--reward-model", "x")]
    [InlineData("the facts it is judged by in --spec", "--best-of-n", "2", "--checker", "question", "--prompt", "a")]
    [InlineData("--spec is for --checker", "--prompt", "a", "--spec", "{}")]
    [InlineData("--spec: SpecJson of a 'question' prompt", "--best-of-n", "2", "--checker", "question", "--prompt", "a", "--spec", "{}")]
    [InlineData("not for 'taste'", "--best-of-n", "2", "--checker", "question", "--prompt", "a cat", "--spec", """{"kind":"taste","asked":"a","answer":"b","other":"c","verb":"d"}""")]
    [InlineData("give the text to continue", "--best-of-n", "2", "--reward-model", "x")]
    public async Task Generate_BestOfNThatCannotBe_IsSaid(string expected, params string[] arguments) =>
        Assert.Contains(expected, (await Assert.ThrowsAsync<UserException>(() => Lines(arguments))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Generate_HugeFile_IsRefused()
    {
        await using (var file = File.OpenWrite(_file))
        {
            file.SetLength((16 << 20) + 1);
        }

        Assert.Contains("a prompt may have", (await Assert.ThrowsAsync<UserException>(() => Lines("--file", _file))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_Chat_RendersTheModelsTemplate()
    {
        var directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            foreach (var file in Directory.GetFiles(Base))
            {
                File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
            }

            await File.WriteAllTextAsync(
                Path.Combine(directory, "chat_template.jinja"),
                "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}{% if add_generation_prompt %} [assistant]{% endif %}");
            var line = Assert.Single(await LinesOf(directory, "--prompt", "Hi there", "--chat", "--max-new-tokens", "3", "--json"));
            using var sequence = JsonDocument.Parse(line);
            Assert.StartsWith("[user] Hi there [assistant]", sequence.RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        var refused = await Assert.ThrowsAsync<UserException>(() => Lines("--prompt", "Hi", "--chat"));
        Assert.Contains("--chat needs the model's chat template", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UserException>(() => Lines("--prompt", "Hi", "--chat", "--instruction"));
    }

    [Theory]
    [InlineData("--load-in-8bit")]
    [InlineData("--dtype", "bfloat16")]
    public async Task Generate_FromShorterWeights_IsNearThoseOfTheFile(params string[] precision)
    {
        string[] arguments = ["--prompt", "The", "--max-new-tokens", "1", "--temperature", "0", "--json"];
        var (full, shorter) = (First(await Lines(arguments)), First(await Lines([.. arguments, .. precision])));
        Assert.Equal(full, shorter, 0.05);

        static double First(string[] lines) => JsonDocument.Parse(lines[0]).RootElement.GetProperty("logprobs")[0].GetDouble();
    }

    private static string Base => Path.Combine(SharedData.RepositoryRoot, "models", "base");

    private static Task<string[]> Lines(params string[] arguments) => LinesOf(Base, arguments);

    private static async Task<string[]> LinesOf(string model, params string[] arguments)
    {
        using var output = new StringWriter();
        var code = await GenerateCommand.Create().Parse([.. arguments, "--model", model]).InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output }, TestContext.Current.CancellationToken);
        Assert.Equal(0, code);
        return output.ToString().TrimEnd('\n').Split('\n');
    }
}
