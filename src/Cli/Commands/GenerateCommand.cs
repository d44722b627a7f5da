using System.CommandLine;
using System.Text.Json;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.TaskFamilies;
using Trainer.Service.Algorithms.BestOfN;
using ScalarType = TorchSharp.torch.ScalarType;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf generate</c>: continues a text with a Hugging Face model directory.</summary>
internal static class GenerateCommand
{
    private const int LargestFile = 16 << 20;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var prompt = new Option<string?>("--prompt") { Description = "The text to continue." };
        var file = new Option<string?>("--file") { Description = "A file with the text to continue, in place of --prompt; one newline at its end does not count." };
        var instruction = new Option<bool>("--instruction") { Description = "Treat the prompt as a person's request (Human/Assistant layout) instead of raw text." };
        var chat = new Option<bool>("--chat") { Description = "Treat the prompt as a user's message and render the model's own chat template." };
        var seed = CommonOptions.Seed();
        var stream = new Option<bool>("--stream") { Description = "Print text as it is generated; with --json one object for every token, before those of the sequences." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object for every sequence instead of text." };
        var dtype = new Option<string>("--dtype") { Description = "The type the weights are held in: float32, or bfloat16 (half the memory to read for every token).", DefaultValueFactory = _ => "float32" };
        dtype.AcceptOnlyFromAmong("float32", "bfloat16");
        var loadIn8Bit = new Option<bool>("--load-in-8bit") { Description = "Round the matrices to 8 bits (blocks of 32, as GGUF's Q8_0) first: less memory to read for every token." };
        var sampling = new SamplingOptions();
        var bestOfN = new BestOfNOptions();
        var command = new Command("generate", "Continue a text with a model directory.")
        {
            model, prompt, file, instruction, chat, seed, stream, json, dtype, loadIn8Bit,
        };
        bestOfN.AddTo(command);
        sampling.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var (given, path) = (parse.GetValue(prompt), parse.GetValue(file));
            if (parse.GetValue(instruction) && parse.GetValue(chat))
            {
                throw new UserException("--instruction and --chat are two layouts of the same prompt: leave one out.");
            }

            var parameters = sampling.Parameters(parse);
            var text = given is null && path is null ? null : Text(given, path);
            var best = bestOfN.Read(parse, text, parameters, parse.GetValue(seed), parse.GetValue(stream));
            text = best?.Task?.Text ?? text ?? Text(given, path);
            var request = new Request(
                parse.GetRequiredValue(model),
                parse.GetValue(instruction) || (best?.Task is not null && !parse.GetValue(chat)) ? DialogueFormat.Prompt(text) : text,
                parse.GetValue(chat),
                parameters,
                parse.GetValue(seed),
                parse.GetValue(stream),
                parse.GetValue(json),
                parse.GetValue(dtype) == "bfloat16" ? ScalarType.BFloat16 : ScalarType.Float32,
                parse.GetValue(loadIn8Bit),
                best);
            if (request is { Stream: true, Json: false, Parameters.NumReturnSequences: > 1 })
            {
                throw new UserException("--stream shows one sequence: leave --num-return-sequences out, or add --json.");
            }

            Run(request, parse.InvocationConfiguration.Output, stop);
            return Task.FromResult(0);
        });
        return command;
    }

    private static int[] ChatPrompt(Tokenizer tokenizer, Request request)
    {
        try
        {
            var template = ChatTemplate.Load(request.Model);
            return tokenizer.ApplyChatTemplate(template, [new ChatMessage("user", request.Prompt)], addGenerationPrompt: true).Ids;
        }
        catch (Exception exception) when (exception is FileNotFoundException or InvalidDataException or ChatTemplateException)
        {
            throw new UserException($"{request.Model}: --chat needs the model's chat template: {exception.Message}");
        }
    }

    private static void RunBestOfN(Request request, BestOfN best, CausalLanguageModel model, Tokenizer tokenizer, int[] promptIds, TextWriter output, CancellationToken stop)
    {
        var generator = new Generator(model, tokenizer, new GeneratorOptions { LoadIn8Bit = request.LoadIn8Bit });
        var responses = best.Sample(generator, tokenizer, promptIds, request.Parameters, request.Seed, stop);
        if (request.Json)
        {
            foreach (var response in responses)
            {
                WriteJson(output, new
                {
                    promptIds,
                    ids = response.Sequence.Ids,
                    text = tokenizer.Decode(promptIds) + response.Sequence.Text,
                    finishReason = response.Sequence.FinishReason,
                    reward = response.Score,
                    passed = best.Passed(tokenizer, response),
                    klBound = BestOfNSampler.KlBound(best.Count),
                });
            }

            return;
        }

        if (best.Task is { } task)
        {
            Console.Error.WriteLine($"prompt: {task.Text}");
        }

        output.WriteLine(responses[0].Sequence.Text);
        Console.Error.WriteLine(best.Summary(tokenizer, responses));
    }

    private static void Run(Request request, TextWriter output, CancellationToken stop)
    {
        var tokenizer = Tokenizer.Load(request.Model);
        using var model = PretrainedModel.LoadCausal(request.Model, request.Dtype);
        var promptIds = request.Chat ? ChatPrompt(tokenizer, request) : tokenizer.Encode(request.Prompt);
        if (request.Best is { } best)
        {
            RunBestOfN(request, best, model, tokenizer, promptIds, output, stop);
            return;
        }

        Action<GeneratedToken>? onToken = (request.Stream, request.Json) switch
        {
            (false, _) => null,
            (true, false) => token => output.Write(token.Text),
            (true, true) => token => WriteJson(
                output, new { sequence = token.Sequence, id = token.Id, logprob = token.Logprob, text = token.Text, finishReason = token.FinishReason }),
        };

        IReadOnlyList<GeneratedSequence> sequences;
        try
        {
            var generator = new Generator(model, tokenizer, new GeneratorOptions { LoadIn8Bit = request.LoadIn8Bit });
            sequences = generator.Generate([promptIds], request.Parameters, request.Seed, ct: stop, onToken: onToken);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            throw new UserException($"{request.Model} cannot do this: {exception.Message}");
        }

        if (request.Json)
        {
            foreach (var sequence in sequences)
            {
                WriteJson(output, new
                {
                    promptIds,
                    ids = sequence.Ids,
                    text = tokenizer.Decode(promptIds) + sequence.Text,
                    logprobs = sequence.Logprobs,
                    finishReason = sequence.FinishReason,
                    score = sequence.Score,
                });
            }
        }
        else if (request.Stream)
        {
            output.WriteLine();
        }
        else
        {
            output.WriteLine(string.Join("\n---\n", sequences.Select(sequence => sequence.Text)));
        }
    }

    private static string Text(string? prompt, string? file)
    {
        if (prompt is null == file is null)
        {
            throw new UserException("give the text to continue with --prompt or with --file, one of them.");
        }

        if (prompt is not null)
        {
            return prompt;
        }

        var length = new FileInfo(file!).Length;
        if (length > LargestFile)
        {
            throw new UserException($"{file} has {length} bytes; a prompt may have {LargestFile}.");
        }

        var text = File.ReadAllText(file!);
        return text.EndsWith('\n') ? text[..^1] : text;
    }

    private static void WriteJson(TextWriter output, object value)
    {
        output.WriteLine(JsonSerializer.Serialize(value));
        output.Flush();
    }

    private sealed record Request(
        string Model,
        string Prompt,
        bool Chat,
        SamplingParameters Parameters,
        ulong Seed,
        bool Stream,
        bool Json,
        ScalarType Dtype,
        bool LoadIn8Bit,
        BestOfN? Best);
}
