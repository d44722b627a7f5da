using System.Diagnostics;
using System.Text.Json;

namespace Rlhf.Torch.Tests;

/// <summary>Runs programs on the Python torch of the machine.</summary>
internal static class PythonTorch
{
    /// <summary>What the program prints, as JSON; where there is no Python with torch the test is skipped.</summary>
    public static JsonElement Run(string program, string input)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3") && Directory.Exists("/usr/lib/python3/dist-packages/torch"), "python3-torch is not installed");
        var start = new ProcessStartInfo("/usr/bin/python3")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(program);
        using var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        using var document = JsonDocument.Parse(output);
        return document.RootElement.Clone();
    }
}
