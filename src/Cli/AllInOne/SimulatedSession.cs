using Labeling.Web.Features.Labeling;
using Microsoft.EntityFrameworkCore;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;

namespace Rlhf.Cli.AllInOne;

/// <summary>A simulated annotator at work: claims comparisons and submits judgments through the same service as the browser.</summary>
internal sealed class SimulatedSession(IDbContextFactory<AppDbContext> contexts, LabelingService labeling, SimulatedAnnotator annotator)
{
    private const string UserName = "simulated-annotator";

    /// <summary>Judges until the project has so many judgments; waits for comparisons where there are none yet.</summary>
    /// <remarks>The noise of a choice is drawn from (seed, the task's sequence number): the same tasks get the same judgments, in any order.</remarks>
    public async Task AnnotateAsync(Guid projectId, int judgments, ulong seed, Action<int> progress, CancellationToken stop)
    {
        var annotatorId = await EnsureMemberAsync(projectId, stop);
        var done = await CountAsync(projectId, stop);
        progress(done);
        while (done < judgments)
        {
            if (await labeling.ClaimNextAsync(projectId, annotatorId, cancellationToken: stop) is not { } comparison)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), stop);
                continue;
            }

            var choice = await ChooseAsync(comparison, seed, stop);
            var result = await labeling.SubmitAsync(annotatorId, comparison.LeaseToken, choice, durationMs: 0, JudgmentSources.Simulated, cancellationToken: stop);
            if (result.IsStored)
            {
                progress(++done);
            }
        }
    }

    private async Task<string> ChooseAsync(Comparison comparison, ulong seed, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        var row = await (
            from task in db.ComparisonTasks
            join prompt in db.Prompts on task.PromptId equals prompt.Id
            where task.Id == comparison.TaskId
            select new
            {
                task.Sequence,
                Prompt = prompt,
                A = db.Completions.Where(c => c.Id == task.CompletionAId).Select(c => c.Text).Single(),
                B = db.Completions.Where(c => c.Id == task.CompletionBId).Select(c => c.Text).Single(),
            }).AsNoTracking().SingleAsync(stop);
        if (row.Prompt is not { Family: { } family, SpecJson: { } spec })
        {
            throw new UserException("the simulated annotator can only judge prompts of the task families; this project holds others.");
        }

        return annotator.Choose(new TaskPrompt(family, row.Prompt.Text, spec), row.A, row.B, new Philox(seed, (ulong)row.Sequence));
    }

    private async Task<int> CountAsync(Guid projectId, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        return await db.Judgments.CountAsync(j => j.ProjectId == projectId && j.RetractedAt == null, stop);
    }

    // The account has no password, so nobody can log in with it.
    private async Task<Guid> EnsureMemberAsync(Guid projectId, CancellationToken stop)
    {
        await using var db = await contexts.CreateDbContextAsync(stop);
        var user = await db.Users.SingleOrDefaultAsync(u => u.UserName == UserName, stop);
        if (user is null)
        {
            user = new AppUser { UserName = UserName, NormalizedUserName = UserName.ToUpperInvariant(), DisplayName = "Simulated annotator" };
            db.Users.Add(user);
        }

        if (!await db.ProjectMembers.AnyAsync(m => m.ProjectId == projectId && m.UserId == user.Id, stop))
        {
            db.ProjectMembers.Add(new ProjectMember { ProjectId = projectId, UserId = user.Id });
        }

        await db.SaveChangesAsync(stop);
        return user.Id;
    }
}
