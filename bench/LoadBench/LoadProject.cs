using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Entities;
using Rlhf.FaultCampaign;

namespace LoadBench;

/// <summary>A project with annotators and always some thousand open comparisons, as while a large team labels.</summary>
internal sealed class LoadProject(Contexts contexts)
{
    public const string Slug = "load";
    private const int OpenTasks = 3000;

    // A prompt and two answers of a few hundred characters, as the real ones.
    private const string AddTasks = """
        WITH numbered AS (
            SELECT gen_random_uuid() AS prompt, gen_random_uuid() AS a, gen_random_uuid() AS b, gen_random_uuid() AS task, n
            FROM generate_series({0}, {0} + {1} - 1) AS n),
        prompts AS (
            INSERT INTO "Prompts" ("Id", "ProjectId", "Text", "Split", "ContentHash", "Sequence", "CreatedAt")
            SELECT prompt, {2}, 'Prompt ' || n || repeat(' and some more words', 10), 'train', md5(n::text), n, now() FROM numbered RETURNING "Id"),
        completions AS (
            INSERT INTO "Completions" ("Id", "PromptId", "Text", "FinishReason", "CreatedAt", "Index")
            SELECT a, prompt, 'Answer A ' || n || repeat(' with a reason', 20), 'stop', now(), 0 FROM numbered
            UNION ALL SELECT b, prompt, 'Answer B ' || n || repeat(' with a reason', 20), 'stop', now(), 1 FROM numbered RETURNING "Id")
        INSERT INTO "ComparisonTasks" ("Id", "ProjectId", "PromptId", "CompletionAId", "CompletionBId", "Status", "JudgmentCount", "Round", "CreatedAt", "Sequence")
        SELECT task, {2}, prompt, a, b, 'open', 0, 1, now(), n FROM numbered
        """;

    private long _next = 1;
    private Guid _projectId;

    /// <summary>Makes the project; returns the annotators' API keys.</summary>
    public async Task<IReadOnlyList<string>> CreateAsync(int annotators)
    {
        await using var db = contexts.CreateDbContext();
        var project = new Project { Name = "Load", Slug = Slug, JudgmentsPerCycle = int.MaxValue, JudgmentsPerTask = 1, CreatedAt = DateTimeOffset.UtcNow };
        _projectId = project.Id;
        db.Add(project);
        List<string> keys = [];
        for (var i = 1; i <= annotators; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"annotator-{i}@example.org");
            var user = new AppUser { UserName = name, NormalizedUserName = name.ToUpperInvariant(), Email = name, DisplayName = name };
            var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            var key = new ApiKey
            {
                UserId = user.Id, Name = "load", SecretHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret))), CreatedAt = DateTimeOffset.UtcNow,
            };
            db.AddRange(user, key, new ProjectMember { ProjectId = project.Id, UserId = user.Id });
            keys.Add($"rlhf_{key.Id:N}_{secret}");
        }

        await db.SaveChangesAsync();
        await RefillAsync();
        return keys;
    }

    /// <summary>Adds comparisons up to the number that is always open.</summary>
    public async Task RefillAsync()
    {
        await using var db = contexts.CreateDbContext();
        var missing = OpenTasks - await db.ComparisonTasks.CountAsync(t => t.Status == ComparisonTaskStatuses.Open);
        if (missing > 0)
        {
            await db.Database.ExecuteSqlRawAsync(AddTasks, _next, missing, _projectId);
            _next += missing;
        }
    }

    /// <summary>Messages the broker has not got yet.</summary>
    public async Task<int> WaitingMessagesAsync()
    {
        await using var db = contexts.CreateDbContext();
        return await db.Outbox.CountAsync();
    }

    /// <summary>Judgments stored.</summary>
    public async Task<int> JudgmentsAsync()
    {
        await using var db = contexts.CreateDbContext();
        return await db.Judgments.CountAsync();
    }
}
