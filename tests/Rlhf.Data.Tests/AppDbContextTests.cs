using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

public sealed class AppDbContextTests
{
    private static readonly DateTimeOffset s_noon = new(2025, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<string> Providers => TestDatabase.Providers;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Times_OfDifferentOffsets_CompareAndSortAsPointsInTime(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();

        // 13:30 at +02:00 is 11:30 UTC: before noon UTC though it reads later. 11:00 at -05:00 is 16:00 UTC.
        DateTimeOffset[] times = [s_noon, new(2025, 3, 1, 13, 30, 0, TimeSpan.FromHours(2)), new(2025, 3, 1, 11, 0, 0, TimeSpan.FromHours(-5))];
        db.Prompts.AddRange(times.Select((t, i) => new Prompt { ProjectId = project.Id, Text = $"{i}", ContentHash = $"{i}", CreatedAt = t }));
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        db.ChangeTracker.Clear();

        Assert.Equal(["1", "0", "2"], await db.Prompts.OrderBy(p => p.CreatedAt).Select(p => p.Text).ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["1"], await db.Prompts.Where(p => p.CreatedAt < s_noon).Select(p => p.Text).ToListAsync(TestContext.Current.CancellationToken));
        var read = await db.Prompts.SingleAsync(p => p.Text == "1", TestContext.Current.CancellationToken);
        Assert.Equal(times[1], read.CreatedAt);
        Assert.Equal(TimeSpan.Zero, read.CreatedAt.Offset);
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Project_TwoWriters_TheSecondIsRefused(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await using var first = database.CreateDbContext();
        await using var second = database.CreateDbContext();
        (await first.Projects.SingleAsync(TestContext.Current.CancellationToken)).Guidelines = "first";
        (await second.Projects.SingleAsync(TestContext.Current.CancellationToken)).Guidelines = "second";

        await first.SaveChangesAsync(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<DbUpdateConcurrencyException>(() => second.SaveChangesAsync(TestContext.Current.CancellationToken));

        await using var db = database.CreateDbContext();
        var saved = await db.Projects.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("first", project.Version + 1), (saved.Guidelines, saved.Version));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Judgment_SecondOfAnAnnotatorOrALease_IsRefused(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var (taskId, otherTaskId, project, annotatorId) = await AddTasksAsync(database);
        var lease = Guid.CreateVersion7();
        Judgment New(Guid task, Guid? annotator, Guid? token) => new() { TaskId = task, ProjectId = project, AnnotatorId = annotator, Choice = Choices.A, LeaseToken = token };

        Assert.True(await TrySaveAsync(database, New(taskId, annotatorId, lease)));
        Assert.False(await TrySaveAsync(database, New(taskId, annotatorId, Guid.CreateVersion7())));
        Assert.False(await TrySaveAsync(database, New(otherTaskId, annotatorId, lease)));

        // Imports have neither an annotator nor a lease and do not exclude each other.
        Assert.True(await TrySaveAsync(database, New(taskId, null, null)));
        Assert.True(await TrySaveAsync(database, New(taskId, null, null)));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Run_SecondOfACommand_IsRefused(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        var command = Guid.CreateVersion7();

        Assert.True(await TrySaveAsync(database, new Run { ProjectId = project.Id, Kind = RunKinds.Sft, CommandId = command }));
        Assert.False(await TrySaveAsync(database, new Run { ProjectId = project.Id, Kind = RunKinds.Sft, CommandId = command }));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Row_OfAMissingProject_IsRefused(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);

        Assert.False(await TrySaveAsync(database, new Run { ProjectId = Guid.CreateVersion7(), Kind = RunKinds.Sft, CommandId = Guid.CreateVersion7() }));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Outbox_TransactionRolledBack_LeavesNoRow(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await using (var db = database.CreateDbContext())
        {
            await using var transaction = await db.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
            OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = 1 });
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        }

        await using var after = database.CreateDbContext();
        Assert.Empty(await after.Outbox.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Outbox_ChangeThatCannotBeSaved_LeavesNoRow(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await using (var db = database.CreateDbContext())
        {
            OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = 1 });
            db.Projects.Add(new Project { Name = project.Name, Slug = "taken-name" });
            await Assert.ThrowsAsync<DbUpdateException>(() => db.SaveChangesAsync(TestContext.Current.CancellationToken));
        }

        await using var after = database.CreateDbContext();
        Assert.Empty(await after.Outbox.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Outbox_Saved_HoldsTheMessageUnderItsStableName(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var message = new PromptsImported { ProjectId = Guid.CreateVersion7(), Count = 7 };
        await using (var db = database.CreateDbContext())
        {
            OutboxWriter.Add(db, message);
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var after = database.CreateDbContext();
        var row = await after.Outbox.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal("labeling.prompts-imported", row.Type);
        Assert.Equal(message, Contracts.MessageJson.Deserialize(row.Body, typeof(PromptsImported)));
    }

    [Fact]
    public async Task Outbox_TypeThatIsNoMessage_IsRefused()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite", migrate: false);
        await using var db = database.CreateDbContext();

        Assert.Throws<ArgumentException>(() => OutboxWriter.Add(db, "text"));
    }

    private static async Task<bool> TrySaveAsync(TestDatabase database, object row)
    {
        await using var db = database.CreateDbContext();
        db.Add(row);
        try
        {
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            return true;
        }
        catch (DbUpdateException)
        {
            return false;
        }
    }

    private static async Task<(Guid TaskId, Guid OtherTaskId, Guid ProjectId, Guid AnnotatorId)> AddTasksAsync(TestDatabase database)
    {
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var annotator = new AppUser { UserName = "ann", DisplayName = "Ann" };
        var prompt = new Prompt { ProjectId = project.Id, Text = "?", ContentHash = "h" };
        Completion[] completions = [new() { PromptId = prompt.Id, Text = "a" }, new() { PromptId = prompt.Id, Text = "b", Index = 1 }];
        ComparisonTask New() => new() { ProjectId = project.Id, PromptId = prompt.Id, CompletionAId = completions[0].Id, CompletionBId = completions[1].Id };
        ComparisonTask[] tasks = [New(), New()];
        db.Add(annotator);
        db.Add(prompt);
        db.AddRange(completions);
        db.AddRange(tasks);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return (tasks[0].Id, tasks[1].Id, project.Id, annotator.Id);
    }
}
