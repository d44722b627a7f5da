using Labeling.Web.Features.Projects;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts;
using Rlhf.Contracts.Training;

namespace Labeling.Web.Tests.Features.Projects;

public sealed class CycleControlTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pause_Twice_IsOnePauseWithItsDecision_AndResumeEndsItAndAsksThePlanner()
    {
        using var database = new LabelingDatabase();
        var (control, user) = (Control(database), database.AddAnnotator());
        await control.PauseAsync(database.Project.Id, user, Stop);
        var since = database.Read(db => db.Projects.Single().PausedAt);
        database.Time.Advance(TimeSpan.FromMinutes(1));
        await control.PauseAsync(database.Project.Id, user, Stop);
        Assert.NotNull(since);
        Assert.Equal(since, database.Read(db => db.Projects.Single().PausedAt));
        var decision = database.Read(db => db.CycleDecisions.Single());
        Assert.Equal(("pause", user), (decision.Decision, decision.UserId));
        Assert.Empty(database.Read(db => db.Outbox.ToList()));

        await control.ResumeAsync(database.Project.Id, user, Stop);
        Assert.Null(database.Read(db => db.Projects.Single().PausedAt));
        Assert.Equal(new AdvanceCycle { ProjectId = database.Project.Id, UserId = user }, Sent<AdvanceCycle>(database));
    }

    [Fact]
    public async Task Step_AndRollBack_AskThePlannerInTheUsersName()
    {
        using var database = new LabelingDatabase();
        var (control, user, checkpoint) = (Control(database), database.AddAnnotator(), Guid.CreateVersion7());
        await control.StepAsync(database.Project.Id, user, Stop);
        Assert.Equal(new AdvanceCycle { ProjectId = database.Project.Id, Step = true, UserId = user }, Sent<AdvanceCycle>(database));
        await control.RollBackAsync(database.Project.Id, checkpoint, user, Stop);
        Assert.Equal(new RollBackPolicy { ProjectId = database.Project.Id, CheckpointId = checkpoint, UserId = user }, Sent<RollBackPolicy>(database));
    }

    private static CycleControl Control(LabelingDatabase database) => new(database, database.Projects, database.Time);

    private static T Sent<T>(LabelingDatabase database)
    {
        var name = MessageTypes.NameOf(typeof(T));
        return (T)MessageJson.Deserialize(database.Read(db => db.Outbox.AsNoTracking().Single(m => m.Type == name).Body), typeof(T));
    }
}
