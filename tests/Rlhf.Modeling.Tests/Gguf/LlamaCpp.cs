using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Rlhf.Modeling.Tests.Gguf;

/// <summary>The programs of a llama.cpp build, whose folder RLHF_LLAMA_CPP names: those in its bin/.</summary>
internal static class LlamaCpp
{
    private const string Variable = "RLHF_LLAMA_CPP";

    private static readonly string? Folder = Environment.GetEnvironmentVariable(Variable);

    /// <summary>Runs a program; a test without it is skipped and says so.</summary>
    /// <returns>What it wrote to standard output and to standard error.</returns>
    public static (string Output, string Log) Run(string program, params string[] arguments)
    {
        var path = Folder is null ? null : Path.Combine(Folder, "bin", program);
        Assert.SkipUnless(File.Exists(path), $"no llama.cpp: {Variable} ({Folder ?? "not set"}) must name a build folder with bin/{program}");
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["GGML_NO_BACKTRACE"] = "1";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var log = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}\n{log.Result}");
        return (output, log.Result);
    }

    /// <summary>The tokens of a prompt and the logits behind it, computed without half precision where that can be chosen.</summary>
    public static (int[] Tokens, float[] Logits) Evaluate(string model, string prompt, TemporaryDirectory work)
    {
        Run(
            "llama-debug", "-m", model, "-p", prompt, "--save-logits", "--logits-output-dir", work.Path, "-ctk", "f32", "-ctv", "f32", "-fa", "off", "-t", "2",
            "-c", "256", "-b", "256", "--no-warmup");
        var name = $"llamacpp-{Path.GetFileNameWithoutExtension(model)}";
        return (Read<int>($"{name}-tokens.bin"), Read<float>($"{name}.bin"));

        T[] Read<T>(string file)
            where T : unmanaged => MemoryMarshal.Cast<byte, T>(File.ReadAllBytes(work.File(file))).ToArray();
    }
}
