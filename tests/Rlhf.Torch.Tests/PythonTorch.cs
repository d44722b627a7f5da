using System.Diagnostics;
using System.Text.Json;

namespace Rlhf.Torch.Tests;

/// <summary>Runs programs on the Python torch of the machine; where there is none, the test is skipped.</summary>
internal static class PythonTorch
{
    public const string Missing = "python3-torch is not installed";

    private const string Interpreter = "/usr/bin/python3";

    public static bool IsInstalled => File.Exists(Interpreter) && Directory.Exists("/usr/lib/python3/dist-packages/torch");

    /// <summary>What the program prints, as JSON.</summary>
    public static JsonElement Run(string program, string input)
    {
        using var document = JsonDocument.Parse(Start(["-c", program], input));
        return document.RootElement.Clone();
    }

    /// <summary>Runs a file with arguments.</summary>
    public static void RunFile(params string[] arguments) => Start(arguments, "");

    private static string Start(string[] arguments, string input)
    {
        Assert.SkipUnless(IsInstalled, Missing);
        var start = new ProcessStartInfo(Interpreter, ["-W", "ignore", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output;
    }
}
