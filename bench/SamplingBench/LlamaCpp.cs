using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace SamplingBench;

/// <summary>
/// llama.cpp's own benchmark programs: llama-bench for one sequence, llama-batched-bench for several. RLHF_LLAMA_CPP names the folder they
/// are in, RLHF_LLAMA_CPP_MODEL_DIR one with gpt2-f32.gguf, gpt2-bf16.gguf, gpt2-q8_0.gguf, and small-… likewise.
/// </summary>
/// <param name="Programs">Folder of the programs.</param>
/// <param name="Models">Folder of the models.</param>
internal sealed record LlamaCpp(string Programs, string Models)
{
    /// <summary>From the environment; null, after a line that says so, where a variable is not set.</summary>
    public static LlamaCpp? Find()
    {
        if (Environment.GetEnvironmentVariable("RLHF_LLAMA_CPP") is { Length: > 0 } programs
            && Environment.GetEnvironmentVariable("RLHF_LLAMA_CPP_MODEL_DIR") is { Length: > 0 } models)
        {
            return new LlamaCpp(programs, models);
        }

        Console.WriteLine("No llama.cpp baseline: RLHF_LLAMA_CPP (its programs) or RLHF_LLAMA_CPP_MODEL_DIR (GGUF files) is not set.\n");
        return null;
    }

    /// <summary>The file of a configuration at one of our precisions, or null.</summary>
    public string? File(string config, string precision)
    {
        var path = Path.Combine(Models, $"{config}-{precision switch { "fp32" => "f32", "8-bit" => "q8_0", var name => name }}.gguf");
        return System.IO.File.Exists(path) ? path : null;
    }

    /// <summary>Seconds of reading the prompts and of the new tokens, as our own are counted.</summary>
    public IReadOnlyDictionary<string, double> Run(string file, int batch, int promptTokens, int newTokens)
    {
        var threads = $"{Environment.ProcessorCount}";
        if (batch == 1)
        {
            var tests = JsonNode.Parse(Output("llama-bench", ["-m", file, "-p", $"{promptTokens}", "-n", $"{newTokens}", "-t", threads, "-r", "1", "-o", "json"]))!.AsArray();
            return new Dictionary<string, double>
            {
                ["prefill"] = promptTokens / Speed(tests, "n_prompt"),
                ["decode"] = (newTokens - 1) / Speed(tests, "n_gen"),
            };
        }

        var context = $"{batch * (promptTokens + newTokens)}";
        string[] arguments = ["-m", file, "-c", context, "-npp", $"{promptTokens}", "-ntg", $"{newTokens}", "-npl", $"{batch}", "-t", threads, "--output-format", "jsonl"];
        var line = Output("llama-batched-bench", arguments).Split('\n').Last(text => text.StartsWith('{'));
        var result = JsonNode.Parse(line)!;
        return new Dictionary<string, double>
        {
            ["prefill"] = (double)result["t_pp"]!,
            ["decode"] = (double)result["t_tg"]! * (newTokens - 1) / newTokens,
        };

        static double Speed(JsonArray tests, string kind) => tests.Where(test => (int)test![kind]! > 0).Select(test => (double)test!["avg_ts"]!).Single();
    }

    private string Output(string program, IReadOnlyList<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(Programs, program), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.Result}"));
    }
}
