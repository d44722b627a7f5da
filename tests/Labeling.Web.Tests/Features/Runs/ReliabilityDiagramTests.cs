using System.Xml.Linq;
using Labeling.Web.Components.Controls;
using Labeling.Web.Components.Pages.Checkpoints;
using Labeling.Web.Components.Pages.Runs;
using Labeling.Web.Features.Runs;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Runs;

/// <summary>The reliability diagram, alone and on the pages of the run and the checkpoint it is about.</summary>
public sealed class ReliabilityDiagramTests : IDisposable
{
    private readonly LabelingDatabase _database = new();

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task Diagram_Bins_AreBarsWithTheirNumbersBeside()
    {
        await using var services = ComponentServices.Create(_database, AppRoles.Engineer);
        await using var page = new ComponentRenderer(services);
        await page.RenderAsync<ReliabilityDiagram>(("Calibration", new Calibration(0.1308, 0.0125, 1.82, [new(0.5, 0.6, 6, 0.55, 0.5), new(0.8, 0.9, 4, 0.8808, 0.75)])));

        // The plot is 316 wide for probabilities from ½ to 1, and 186 high: 34 + 0.6 · 316 + 2 of gap, 0.2 · 316 − 4, 8 + 0.25 · 186, and down to 194.
        var bars = page.Content.Descendants("rect").ToArray();
        Assert.Equal(2, bars.Length);
        Assert.Equal(("225.6", "59.2", "54.5", "139.5"), (Value(bars[1], "x"), Value(bars[1], "width"), Value(bars[1], "y"), Value(bars[1], "height")));

        // From the lower left corner of what is possible, ½ and ½, to the upper right one.
        var line = page.Content.Descendants("line").Single(l => Value(l, "class") == "perfect");
        Assert.Equal(("34", "101", "350", "8"), (Value(line, "x1"), Value(line, "y1"), Value(line, "x2"), Value(line, "y2")));

        Assert.Equal("0.131", page.Find("ece").Value);
        Assert.Equal(
            ["Probability | Comparisons | Model says | People agree", "0.5–0.6 | 6 | 0.550 | 0.500", "0.8–0.9 | 4 | 0.881 | 0.750"],
            page.Rows("reliability-bins"));

        // Who does not see it hears the same.
        var svg = page.Content.Descendants("svg").Single();
        Assert.Equal("img", Value(svg, "role"));
        Assert.Contains("expected calibration error 0.131. where it is 0.550 sure, people agree on 0.500 of 6; where", Value(svg, "aria-label"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunPage_RewardModel_ShowsItsLastCalibration_AndNoCurveOfTheBins()
    {
        var run = AddRun(RunKinds.RewardModel, Metrics(step: 4, ece: 0.3).Concat(Metrics(step: 8, ece: 0.1308)).Append(new(8, "reward/loss", 0.5)));
        await using var services = ComponentServices.Create(_database, AppRoles.Engineer);
        await using var page = new ComponentRenderer(services);
        await page.RenderAsync<RunPage>(("Id", run));

        Assert.Equal("0.131", page.Find("ece").Value);
        Assert.Equal(2, page.Rows("reliability-bins").Count());
        var curves = page.Content.Descendants("figure").Select(f => Value(f, "data-metric")).OfType<string>();
        Assert.Equal([CalibrationNames.Ece, CalibrationNames.CalibratedEce, CalibrationNames.Temperature, "reward/loss"], curves);
    }

    [Theory]
    [InlineData(RunKinds.Ppo, true)]
    [InlineData(RunKinds.RewardModel, false)]
    public async Task RunPage_WithoutCalibration_ShowsNone(string kind, bool calibrated)
    {
        var run = AddRun(kind, calibrated ? Metrics(step: 8, ece: 0.1) : [new CurvePoint(8, "reward/loss", 0.5)]);
        await using var services = ComponentServices.Create(_database, AppRoles.Engineer);
        await using var page = new ComponentRenderer(services);
        await page.RenderAsync<RunPage>(("Id", run));

        Assert.True(page.Has("run-config") && !page.Has("reliability"));
    }

    [Theory]
    [InlineData(CheckpointKinds.RewardModel, true)]
    [InlineData(CheckpointKinds.Policy, false)]
    public async Task CheckpointPage_RewardModel_ShowsTheCalibrationOfItsRun(string kind, bool shown)
    {
        var run = AddRun(kind == CheckpointKinds.RewardModel ? RunKinds.RewardModel : RunKinds.Ppo, Metrics(step: 8, ece: 0.1308));
        var checkpoint = new Checkpoint { ProjectId = _database.Project.Id, Kind = kind, Path = "c", ContentHash = "0", RunId = run };
        _database.Read(db => db.Add(checkpoint).Context.SaveChanges());
        await using var services = ComponentServices.Create(_database, AppRoles.Engineer);
        await using var page = new ComponentRenderer(services);
        await page.RenderAsync<CheckpointPage>(("Slug", "test"), ("CheckpointId", checkpoint.Id));

        Assert.Equal((true, shown), (page.Has("ancestors"), page.Has("reliability")));
    }

    [Fact]
    public void Of_BinsWithoutTheirCounts_AreNoDiagram() =>
        Assert.Null(Calibration.Of(new Dictionary<string, double> { [CalibrationNames.Ece] = 0.1, [CalibrationNames.AccuracyPrefix + "85"] = 0.75 }));

    private static IEnumerable<CurvePoint> Metrics(int step, double ece) =>
    [
        new(step, CalibrationNames.Ece, ece),
        new(step, CalibrationNames.CalibratedEce, 0.0125),
        new(step, CalibrationNames.Temperature, 1.82),
        new(step, CalibrationNames.AccuracyPrefix + CalibrationNames.Bin(0.8, 0.9), 0.75),
        new(step, CalibrationNames.ConfidencePrefix + CalibrationNames.Bin(0.8, 0.9), 0.8808),
        new(step, CalibrationNames.CountPrefix + CalibrationNames.Bin(0.8, 0.9), 4),
    ];

    private static string? Value(XElement element, string attribute) => (string?)element.Attribute(attribute);

    private Guid AddRun(string kind, IEnumerable<CurvePoint> points)
    {
        using var db = _database.CreateDbContext();
        var run = new Run { ProjectId = _database.Project.Id, Kind = kind, Status = RunStatuses.Completed, CommandId = Guid.CreateVersion7() };
        db.Runs.Add(run);
        db.Metrics.AddRange(points.Select(p => new MetricPoint { RunId = run.Id, Step = p.Step, Name = p.Name, Value = p.Value }));
        db.SaveChanges();
        return run.Id;
    }
}
