using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Rlhf.Cli.AllInOne;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.TaskFamilies;
using Rlhf.Training.Publishing;

namespace Rlhf.FaultCampaign;

/// <summary>The project a campaign works on, and its annotators.</summary>
internal static class CampaignProject
{
    public const string Slug = "campaign";
    public const int TasksPerRound = 6;
    public const int JudgmentsPerTask = 2;
    public const int JudgmentsPerCycle = TasksPerRound * JudgmentsPerTask;
    private const int Annotators = 4;

    /// <summary>
    /// Stores the project and returns its annotators' API keys. A cycle takes all judgments of a round and none is left over: the cycles see the
    /// same judgments whoever is faster, and so end in the same weights.
    /// </summary>
    public static async Task<(Guid Id, IReadOnlyList<string> Keys)> SeedAsync(Contexts contexts, StorageOptions storage, string model, ulong seed)
    {
        var project = new Project
        {
            Name = "Fault campaign",
            Slug = Slug,
            JudgmentsPerCycle = JudgmentsPerCycle,
            JudgmentsPerTask = JudgmentsPerTask,
            PromptsPerCycle = TasksPerRound,
            HeldOutFraction = 0,
            RewardAccuracyGate = 0,
            Seed = (long)(seed & long.MaxValue),
            RewardConfigJson = """{"epochs": 8, "batch_size": 4, "learning_rate": 0.001, "save_every": 4}""",
            PpoConfigJson = """{"updates": 12, "batch_size": 8, "epochs": 2, "minibatch_count": 2, "micro_batch_size": 4, "learning_rate": 0.001, "max_new_tokens": 24, "save_every": 1}""",
            SamplingConfigJson = """{"max_new_tokens": 24, "temperature": 1.0}""",
        };
        var prompts = DemoProject.Prompts(TasksPerRound, heldOut: false).Select(p => (p, Splits.Train)).ToList();
        var seeder = new ProjectSeeder(contexts, new CheckpointStore(Options.Create(storage)), TimeProvider.System);
        var projectId = await seeder.CreateAsync(project, prompts, model, CancellationToken.None);
        return (projectId, await AddAnnotatorsAsync(contexts, projectId));
    }

    // Keys as docs/guides/api.md describes them.
    private static async Task<IReadOnlyList<string>> AddAnnotatorsAsync(Contexts contexts, Guid projectId)
    {
        await using var db = contexts.CreateDbContext();
        var keys = new List<string>();
        for (var i = 1; i <= Annotators; i++)
        {
            var name = $"annotator-{i}@example.org";
            var user = new AppUser { UserName = name, NormalizedUserName = name.ToUpperInvariant(), Email = name, DisplayName = $"Annotator {i}" };
            var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            var key = new ApiKey
            {
                UserId = user.Id, Name = "campaign", SecretHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret))), CreatedAt = DateTimeOffset.UtcNow,
            };
            db.AddRange(user, key, new ProjectMember { ProjectId = projectId, UserId = user.Id });
            keys.Add($"rlhf_{key.Id:N}_{secret}");
        }

        await db.SaveChangesAsync();
        return keys;
    }
}
