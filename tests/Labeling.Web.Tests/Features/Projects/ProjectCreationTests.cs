using Labeling.Web.Features.Projects;
using Rlhf.Contracts.Labeling;
using Rlhf.Contracts.Training;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Projects;

public sealed class ProjectCreationTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Create_Sensible_StoresProjectPromptsAndAPolicyOfItsOwn()
    {
        using var database = new LabelingDatabase();
        var source = AddPolicy(database, c => (c.RunId, c.TaintedAt, c.TaintReason, c.SizeBytes) = (AddRun(database), database.Time.GetUtcNow(), "bad", 42));
        var form = Sensible(source.Id);
        form.HeldOutFraction = 0.5;
        form.Prompts = string.Join('\n', Enumerable.Range(0, 40).Select(i => $"  Prompt {i % 30} "));
        Assert.Empty(await Creation(database).CreateAsync(form, Stop));

        var project = database.Read(db => db.Projects.Single(p => p.Slug == "kind-words"));
        var prompts = database.Read(db => db.Prompts.Where(p => p.ProjectId == project.Id).OrderBy(p => p.Sequence).ToList());
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"Prompt {i}"), prompts.Select(p => p.Text));
        Assert.Equal([Splits.HeldOut, Splits.Train], prompts.Select(p => p.Split).Distinct().Order());
        var policy = database.Read(db => db.Checkpoints.Single(c => c.Id == project.PolicyCheckpointId));
        Assert.Equal((project.Id, 0, source.Path, source.ContentHash, 42L), (policy.ProjectId, policy.Version, policy.Path, policy.ContentHash, policy.SizeBytes));
        Assert.Equal((source.Id, "bad"), (policy.ParentId, policy.TaintReason));
        Assert.Equal("labeling.prompts-imported", database.Read(db => db.Outbox.Single().Type));
    }

    [Fact]
    public async Task Create_EverythingWrong_ListsEveryFaultAndStoresNothing()
    {
        using var database = new LabelingDatabase();
        var form = new NewProject { Name = "", Slug = "New Project", HeldOutFraction = 1, JudgmentsPerCycle = 0, PromptsPerCycle = 0, Guidelines = new string('x', 20_001) };
        var errors = await Creation(database).CreateAsync(form, Stop);
        Assert.Collection(
            errors,
            e => Assert.StartsWith("Name has 0 characters", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Address is \"New Project\"", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Guidelines have 20001", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Choose the policy", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Held-out fraction is 1;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Judgments per cycle is 0;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Prompts per cycle is 0;", e, StringComparison.Ordinal),
            e => Assert.StartsWith("Prompts are empty", e, StringComparison.Ordinal));
        Assert.Equal(1, database.Read(db => db.Projects.Count()));
    }

    [Fact]
    public async Task Create_NameAndAddressTakenAndPolicyRetired_SaysSo()
    {
        using var database = new LabelingDatabase();
        var form = Sensible(AddPolicy(database, c => c.RetiredAt = database.Time.GetUtcNow()).Id);
        (form.Name, form.Slug) = ("Test", "test");
        Assert.Equal(3, (await Creation(database).CreateAsync(form, Stop)).Count);
        form.Slug = "new";
        Assert.Contains(await Creation(database).CreateAsync(form, Stop), e => e.StartsWith("Address \"new\"", StringComparison.Ordinal));
    }

    [Fact]
    public void ReadPrompts_JsonLines_NameTheLineAndStopListingAfterFive()
    {
        var errors = new List<string>();
        var prompts = NewProject.ReadPrompts("{\"prompt\": \"a\"}\n\n{\"text\": \"b\"}\n{\"prompt\": 7}\n{oops\n[]\n{}\n3\n{\"prompt\": \" \"}\n{\"prompt\": \"a\"}", errors);
        Assert.Equal(["a", "b"], prompts);
        Assert.Equal(6, errors.Count);
        Assert.Equal("Prompts, line 4: it must be a JSON object with a string \"prompt\" (or \"text\").", errors[0]);
        Assert.StartsWith("Prompts, line 5: no valid JSON (character ", errors[1], StringComparison.Ordinal);
        Assert.Equal("Prompts: 1 more lines cannot be used.", errors[5]);
    }

    [Fact]
    public void ReadPrompts_TooLongAndTooMany_AreRefused()
    {
        var errors = new List<string>();
        NewProject.ReadPrompts(new string('x', NewProject.MaxPromptLength + 1), errors);
        NewProject.ReadPrompts(string.Join('\n', Enumerable.Range(0, NewProject.MaxPrompts + 5)), errors);
        Assert.Collection(
            errors,
            e => Assert.Equal("Prompts, line 1: 8001 characters; at most 8000 are allowed.", e),
            e => Assert.Equal("Prompts, line 20001: more than 20000 prompts.", e));
    }

    [Theory]
    [InlineData("Kind words", "kind-words")]
    [InlineData("  Über – Größe! 2 ", "ber-gr-e-2")]
    [InlineData("<script>", "script")]
    [InlineData("…", "")]
    public void SuggestSlug_OfAName(string name, string slug) => Assert.Equal(slug, NewProject.SuggestSlug(name));

    [Fact]
    public async Task Policies_ImportedFirst_EqualContentsOnce_WithoutThoseThatAreGone()
    {
        using var database = new LabelingDatabase();
        AddPolicy(database, c => (c.RunId, c.Version, c.ContentHash) = (AddRun(database), 30, "trained"));
        var imported = AddPolicy(database);
        AddPolicy(database);
        AddPolicy(database, c => (c.ContentHash, c.FilesDeletedAt) = ("gone", database.Time.GetUtcNow()));
        AddPolicy(database, c => (c.ContentHash, c.Kind) = ("reward", CheckpointKinds.RewardModel));
        var policies = await Creation(database).PoliciesAsync(Stop);
        Assert.Equal(["Base model hash (from Test)", "Test, policy v30"], policies.Select(p => p.Label));
        Assert.Equal(imported.ContentHash, database.Read(db => db.Checkpoints.Single(c => c.Id == policies[0].CheckpointId).ContentHash));
    }

    private static ProjectCreation Creation(LabelingDatabase database) => new(database, database.Time);

    private static NewProject Sensible(Guid policy) => new() { Name = " Kind words ", Slug = "kind-words", Prompts = "one\ntwo", HeldOutFraction = 0, BaseCheckpointId = policy };

    private static Guid AddRun(LabelingDatabase database)
    {
        using var db = database.CreateDbContext();
        var run = new Run { ProjectId = database.Project.Id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7() };
        db.Runs.Add(run);
        db.SaveChanges();
        return run.Id;
    }

    private static Checkpoint AddPolicy(LabelingDatabase database, Action<Checkpoint>? change = null)
    {
        using var db = database.CreateDbContext();
        var checkpoint = new Checkpoint { ProjectId = database.Project.Id, Kind = CheckpointKinds.Policy, Version = db.Checkpoints.Count(), Path = "path", ContentHash = "hash", CreatedAt = database.Time.GetUtcNow() };
        change?.Invoke(checkpoint);
        db.Checkpoints.Add(checkpoint);
        db.SaveChanges();
        return checkpoint;
    }
}
