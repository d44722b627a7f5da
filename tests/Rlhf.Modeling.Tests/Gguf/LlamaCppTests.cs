using System.Globalization;
using System.Text.RegularExpressions;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.TestSupport;
using static TorchSharp.torch;
using TextGenerator = Rlhf.Modeling.Generation.Generator;

namespace Rlhf.Modeling.Tests.Gguf;

/// <summary>llama.cpp itself reads the files: its tokens and logits are ours.</summary>
public sealed partial class LlamaCppTests
{
    private const string Prompt = "the cat isn't a\n\n  Über 12 狗🐕: the  end, the dog";

    public static TheoryData<string> Models() => [.. GgufModels.Configs.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Evaluate_EveryArchitecture_GivesOurLogits(string name)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs[name]);
        var tokenizer = GgufModels.Tokenizer();
        GgufExport.Write(model, tokenizer, directory.File("m.gguf"), GgufType.F32);
        var (tokens, logits) = LlamaCpp.Evaluate(directory.File("m.gguf"), Prompt, directory);
        Assert.Equal(tokenizer.Encode(Prompt), tokens);

        // llama.cpp looks gelu up in a table in half precision.
        AssertLogits(model, tokens, logits, model.Config.HiddenAct == "silu" ? 1e-5f : 5e-3f);
    }

    [Theory]
    [InlineData(GgufType.F32, 5e-5f)]
    [InlineData(GgufType.F16, 3e-2f)]
    [InlineData(GgufType.BF16, 3e-1f)]
    [InlineData(GgufType.Q8_0, 3e-1f)]
    public void Evaluate_Stories260K_GivesOurTokensAndLogits(GgufType type, float tolerance)
    {
        using var work = new TemporaryDirectory();
        using var model = PretrainedModel.LoadCausal(SharedData.Require("models", "stories260k"));
        var tokenizer = Tokenizer.Load(SharedData.Require("models", "stories260k"));
        GgufExport.Write(model, tokenizer, work.File("m.gguf"), type);
        foreach (var prompt in (string[])["Once upon a time, there was a little girl", "Émile's dog\n\tsaid: 狗", " two  spaces ", "x"])
        {
            var (tokens, logits) = LlamaCpp.Evaluate(work.File("m.gguf"), prompt, work);
            Assert.Equal(tokenizer.Encode(prompt), tokens);
            AssertLogits(model, tokens, logits, tolerance);
        }
    }

    [Theory]
    [InlineData("gpt-2", false)]
    [InlineData("llama", true)]
    public void Tokenize_SpecialTokensInTexts_GivesOurIds(string pre, bool stories)
    {
        using var work = new TemporaryDirectory();
        using var model = stories ? PretrainedModel.LoadCausal(SharedData.Require("models", "stories260k")) : GgufModels.Random(GgufModels.Configs["llama"]);
        var tokenizer = stories ? Tokenizer.Load(SharedData.Require("models", "stories260k")) : GgufModels.Tokenizer();
        GgufExport.Write(model, tokenizer, work.File($"{pre}.gguf"), GgufType.F16);
        foreach (var text in (string[])["the end<|endoftext|>the dog</s> one<s>two  </s>", "  <pad>\n\n\tа 1234 's 'S ..."])
        {
            var (output, _) = LlamaCpp.Run("llama-tokenize", "-m", work.File($"{pre}.gguf"), "-p", text, "--ids", "--log-disable");
            Assert.Equal($"[{string.Join(", ", tokenizer.Encode(text))}]", output.Trim());
        }
    }

    [Fact]
    public void Generate_Stories260K_WritesTheSameStory()
    {
        using var work = new TemporaryDirectory();
        using var model = PretrainedModel.LoadCausal(SharedData.Require("models", "stories260k"));
        var tokenizer = Tokenizer.Load(SharedData.Require("models", "stories260k"));
        GgufExport.Write(model, tokenizer, work.File("m.gguf"), GgufType.F32);
        const string Start = "Once upon a time";
        var ids = tokenizer.Encode(Start);
        var ours = new TextGenerator(model).Generate([ids], new SamplingParameters { MaxNewTokens = 100, Temperature = 0 }, seed: 1)[0].Ids;
        var (output, _) = LlamaCpp.Run("llama-simple", "-m", work.File("m.gguf"), "-n", "100", Start);
        Assert.Contains(tokenizer.Decode([.. ids, .. ours]).Trim(), output, StringComparison.Ordinal);
        Assert.True(ours.Length == 100);

        // The perplexity program scores the second half of every chunk of 64 tokens, each begun with the begin-of-text token.
        var story = tokenizer.Decode([.. ids, .. ours]);
        var text = string.Join(' ', Enumerable.Repeat(story, 3));
        File.WriteAllText(work.File("story.txt"), text);
        var final = Enumerable.Range(0, 10).Select(_ => Final().Match(RunPerplexity(work))).First(match => match.Success);
        var perplexity = double.Parse(final.Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.Equal(Perplexity(model, tokenizer.Encode(text), 64), perplexity, 1e-3);
    }

    /// <summary>What the program says. It writes from a thread that is sometimes ended before the last line is out.</summary>
    private static string RunPerplexity(TemporaryDirectory work) => LlamaCpp.Run(
        "llama-perplexity", "-m", work.File("m.gguf"), "-f", work.File("story.txt"), "-c", "64", "-b", "64", "-fa", "off", "-ctk", "f32", "-ctv", "f32").Log;

    [GeneratedRegex(@"Final estimate: PPL = ([0-9.]+)")]
    private static partial Regex Final();

    private static double Perplexity(CausalLanguageModel model, int[] tokens, int chunk)
    {
        var (sum, count) = (0.0, 0);
        for (var start = 0; start + chunk <= tokens.Length; start += chunk)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            int[] part = [tokens[0], .. tokens[(start + 1)..(start + chunk)]];
            var logprobs = nn.functional.log_softmax(model.forward(TinyModels.Ids(part))[0], 1);
            for (var at = chunk / 2; at < chunk - 1; at++, count++)
            {
                sum -= logprobs[at, part[at + 1]].item<float>();
            }
        }

        return Math.Exp(sum / count);
    }

    private static void AssertLogits(CausalLanguageModel model, int[] tokens, float[] logits, float tolerance)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ours = TinyModels.Floats(model.forward(TinyModels.Ids(tokens))[0, -1]);
        Assert.Equal(ours.Length, logits.Length);
        var worst = ours.Zip(logits, (a, b) => MathF.Abs(a - b)).Max();
        Assert.True(worst <= tolerance, $"logits differ by up to {worst}; they range from {ours.Min()} to {ours.Max()}");
    }
}
