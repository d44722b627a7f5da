using System.Diagnostics;
using System.Text.Json;
using Rlhf.Training.Metrics;

namespace Rlhf.Training.Tests.Metrics;

public sealed class MetricsSinkTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-metrics-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Jsonl_ResumedRun_ReplacesWhatItReportsAgainAndADamagedEnd()
    {
        var path = Path.Combine(_directory, "logs", MetricsJsonl.FileName);
        Write(new MetricsJsonl(path), 1, 2, 3, 4);
        File.AppendAllText(path, "{\"step\": 5, \"tr");

        // The newest state was of step 2.
        Write(new MetricsJsonl(path), 3, 4, 5);

        var rows = File.ReadAllLines(path).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([1, 2, 3, 4, 5], rows.Select(r => r.GetProperty("step").GetInt32()));
        Assert.Equal(1.25, rows[4].GetProperty("train/loss").GetDouble());
        Assert.Equal("NaN", rows[0].GetProperty("eval/loss").GetString());
        Assert.Equal(9, rows[0].GetProperty("total_steps").GetInt32());
    }

    [Fact]
    public void TensorBoard_Reports_ReadBackByAnIndependentReader()
    {
        Write(new TensorBoardWriter(_directory, TimeProvider.System), 1, 300);

        var events = EventFile.Read(Assert.Single(Directory.GetFiles(_directory, "events.out.tfevents.*")));

        Assert.Equal("brain.Event:2", events[0].Version);
        Assert.Equal([0, 1, 300], events.Select(e => e.Step));
        Assert.Equal(0.25f, events[1].Scalars["train/loss"]);
        Assert.True(float.IsNaN(events[1].Scalars["eval/loss"]));
        Assert.Equal(75f, events[2].Scalars["train/loss"]);
    }

    [Fact]
    public void TensorBoard_ResumedRun_BeginsAFileThatVoidsWhatItReportsAgain()
    {
        Write(new TensorBoardWriter(_directory, TimeProvider.System), 1, 2, 3);
        Write(new TensorBoardWriter(_directory, TimeProvider.System), 3, 4);

        var resumed = Directory.GetFiles(_directory).Select(EventFile.Read).Single(e => e[1].Restart);
        Assert.Equal([0, 3, 3, 4], resumed.Select(e => e.Step));
    }

    [Fact]
    [Trait("Category", "Parity")]
    public void TensorBoard_PythonsTensorBoard_ReadsTheSame()
    {
        Write(new TensorBoardWriter(_directory, TimeProvider.System), 1, 2);
        using var python = Start("import tensorboard");
        Assert.SkipUnless(python is { ExitCode: 0 }, "python3 with tensorboard is not installed");

        using var reader = Start(
            $"from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as E; e = E('{_directory}'); e.Reload(); print([s.value for s in e.Scalars('train/loss')])")!;
        Assert.Equal("[0.25, 0.5]", reader.StandardOutput.ReadToEnd().Trim());
    }

    private static Process? Start(string code)
    {
        try
        {
            var process = Process.Start(new ProcessStartInfo("python3", ["-c", code]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    // The loss is a quarter of the step.
    private static void Write(IMetricsSink sink, params int[] steps)
    {
        using (sink)
        {
            foreach (var step in steps)
            {
                sink.Write(new TrainingProgress(step, 9, new Dictionary<string, double> { ["train/loss"] = step / 4.0, ["eval/loss"] = double.NaN }));
            }
        }
    }
}
