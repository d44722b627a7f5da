using System.CommandLine;
using System.Text.Json;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf generate</c>: samples from a Hugging Face model directory.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var prompt = new Option<string>("--prompt") { Description = "The text to continue.", Required = true };
        var instruction = new Option<bool>("--instruction") { Description = "Treat the prompt as a person's request (Human/Assistant layout) instead of raw text." };
        var maxNewTokens = new Option<int>("--max-new-tokens") { Description = "The most tokens to add.", DefaultValueFactory = _ => 64 };
        var temperature = new Option<double>("--temperature") { Description = "0 takes the most probable token each time.", DefaultValueFactory = _ => 1.0 };
        var topK = new Option<int>("--top-k") { Description = "Sample among the k most probable tokens; 0 = all.", DefaultValueFactory = _ => 0 };
        var topP = new Option<double>("--top-p") { Description = "Sample within the smallest set of tokens with this probability; 1 = all.", DefaultValueFactory = _ => 1.0 };
        var seed = CommonOptions.Seed();
        var json = CommonOptions.Json();
        var command = new Command("generate", "Continue a text with a model directory.") { model, prompt, instruction, maxNewTokens, temperature, topK, topP, seed, json };
        command.SetAction((parse, stop) =>
        {
            var parameters = new SamplingParameters
            {
                MaxNewTokens = parse.GetValue(maxNewTokens),
                Temperature = parse.GetValue(temperature),
                TopK = parse.GetValue(topK),
                TopP = parse.GetValue(topP),
            };
            var text = parse.GetRequiredValue(prompt);
            return Task.FromResult(Run(
                parse.GetRequiredValue(model),
                parse.GetValue(instruction) ? DialogueFormat.Prompt(text) : text,
                parameters,
                parse.GetValue(seed),
                parse.GetValue(json),
                stop));
        });
        return command;
    }

    private static int Run(string directory, string prompt, SamplingParameters parameters, ulong seed, bool json, CancellationToken stop)
    {
        UserFault.ThrowIfAny("sampling", parameters.Validate());
        var tokenizer = Tokenizer.Load(directory);
        using var model = PretrainedModel.LoadCausal(directory);
        var promptIds = tokenizer.Encode(prompt);
        var streaming = tokenizer.CreateStreamingDecoder();
        var sequence = new Generator(model).Generate(
            [promptIds],
            parameters,
            seed,
            ct: stop,
            onToken: json ? null : Print)[0];
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                promptIds,
                ids = sequence.Ids,
                text = tokenizer.Decode([.. promptIds, .. sequence.Ids]),
                logprobs = sequence.Logprobs,
                finishReason = sequence.FinishReason,
            }));
        }
        else
        {
            Console.WriteLine(streaming.Flush());
        }

        return 0;

        void Print(int sequenceIndex, int token) => Console.Write(streaming.Append(token));
    }
}
