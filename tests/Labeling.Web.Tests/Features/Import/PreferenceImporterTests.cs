using System.Text;
using Labeling.Web.Features.Import;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Datasets;

namespace Labeling.Web.Tests.Features.Import;

/// <summary>An import is there as a whole or not at all.</summary>
public sealed class PreferenceImporterTests : IDisposable
{
    private readonly LabelingDatabase _database = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task Import_SiblingsOfOnePrompt_AreOnePromptWithAllTheirAnswers()
    {
        var training = Rows("""{"prompt":"Q","chosen":"a","rejected":"b"}""", """{"prompt":[{"role":"user","content":"Q"}],"chosen":" c ","rejected":"d"}""");
        await Importer.ImportAsync(training, Rows("""{"prompt":"R","chosen":"e","rejected":"f"}"""), Project(), Stop);

        Assert.Equal([("Q", Splits.Train), ("R", Splits.HeldOut)], _database.Read(db => db.Prompts.OrderBy(p => p.Sequence).Select(p => ValueTuple.Create(p.Text, p.Split)).ToList()));
        var chosen = _database.Read(db => (
            from judgment in db.Judgments
            join task in db.ComparisonTasks on judgment.TaskId equals task.Id
            join completion in db.Completions on judgment.Choice == Choices.A ? task.CompletionAId : task.CompletionBId equals completion.Id
            orderby task.Sequence
            select completion.Text).ToList());
        Assert.Equal(["a", "c", "e"], chosen);
    }

    [Fact]
    public async Task Import_RowThatCannotBeStored_LeavesNothing()
    {
        // The last of many rows has no rejected answer, which only shows when it is taken.
        var training = Rows([.. Enumerable.Range(0, 500).Select(i => $$"""{"prompt":"Q{{i}}","chosen":"a","rejected":"b"}""")]).ToList();
        training.Add(training[0] with { Completions = [training[0].Completions[0]] });

        await Assert.ThrowsAsync<IndexOutOfRangeException>(() => Importer.ImportAsync(training, training[..1], Project(), Stop));

        AssertUntouched();
    }

    [Fact]
    public async Task Import_Abandoned_LeavesNothing()
    {
        var rows = Rows("""{"prompt":"Q","chosen":"a","rejected":"b"}""");
        using var abandoned = new CancellationTokenSource();

        // When the rows are written.
        using var written = new Written(_database, abandoned);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new PreferenceImporter(written, _database.Time).ImportAsync(rows, rows, Project(), abandoned.Token));

        AssertUntouched();
    }

    [Fact]
    public async Task Import_WhereThereIsNothingToHoldOut_OrTheNameIsTaken_IsRefused()
    {
        var rows = Rows("""{"prompt":"Q","chosen":"a","rejected":"b"}""");

        Assert.Contains("1 comparisons for training and 0 held out", (await Assert.ThrowsAsync<ImportException>(() => Importer.ImportAsync(rows, [], Project(), Stop))).Message, StringComparison.Ordinal);
        Assert.Contains("exists already", (await Assert.ThrowsAsync<ImportException>(
            () => Importer.ImportAsync(rows, rows, new Project { Name = _database.Project.Name, Slug = "other" }, Stop))).Message, StringComparison.Ordinal);

        AssertUntouched();
    }

    private PreferenceImporter Importer => new(_database, _database.Time);

    private static Project Project() => new() { Name = "Imported", Slug = "imported", Seed = 3 };

    private static IReadOnlyList<DatasetRow> Rows(params string[] lines)
    {
        using var reader = new DatasetReader(new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', lines))), "rows.jsonl");
        return [.. reader.Rows()];
    }

    private void AssertUntouched() => Assert.Equal(
        (1, 0, 0, 0, 0, 0),
        _database.Read(db => (db.Projects.Count(), db.Prompts.Count(), db.Completions.Count(), db.ComparisonTasks.Count(), db.Judgments.Count(), db.Outbox.Count())));

    // Contexts whose first save is abandoned when it has written its rows.
    private sealed class Written(LabelingDatabase database, CancellationTokenSource abandon) : IDbContextFactory<AppDbContext>, IDisposable
    {
        private readonly List<AppDbContext> _contexts = [];

        public AppDbContext CreateDbContext()
        {
            var db = database.CreateDbContext();
            db.SavedChanges += (_, _) => abandon.Cancel();
            _contexts.Add(db);
            return db;
        }

        public void Dispose() => _contexts.ForEach(c => c.Dispose());
    }
}
