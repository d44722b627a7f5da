namespace Rlhf.Data.Entities;

/// <summary>One model being aligned: its prompts, guidelines and the settings of its cycles.</summary>
public sealed class Project : IVersioned
{
    /// <summary>Key (time-ordered).</summary>
    public Guid Id { get; set; } = Guid.CreateVersion7();

    /// <summary>Shown name, unique.</summary>
    public required string Name { get; set; }

    /// <summary>Name in addresses, unique.</summary>
    public required string Slug { get; set; }

    /// <summary>What annotators should prefer, in Markdown.</summary>
    public string Guidelines { get; set; } = "";

    /// <summary>New judgments after which a cycle starts.</summary>
    public int JudgmentsPerCycle { get; set; } = 100;

    /// <summary>Judgments every comparison task collects before it is done.</summary>
    public int JudgmentsPerTask { get; set; } = 1;

    /// <summary>Prompts a sampling run answers, that is comparison tasks it opens.</summary>
    public int PromptsPerCycle { get; set; } = 100;

    /// <summary>Share of prompts kept out of training, in [0, 1).</summary>
    public double HeldOutFraction { get; set; } = 0.1;

    /// <summary>Accuracy on held-out judgments a reward model must reach before the policy trains on it, in [0, 1].</summary>
    public double RewardAccuracyGate { get; set; } = 0.6;

    /// <summary>Most KL divergence from the policy the cycle began with (objective/kl, nats a response) at which a new policy is published; null: no limit.</summary>
    public double? KlBudget { get; set; }

    /// <summary>
    /// Least gain in mean reward on held-out prompts over the policy the cycle began with at which a new policy is published; null: no gate.
    /// </summary>
    public double? HeldOutScoreGate { get; set; }

    /// <summary>Since when the planner starts nothing new in this project, except step by step; null while it does.</summary>
    public DateTimeOffset? PausedAt { get; set; }

    /// <summary>Whether a cycle starts by itself when enough judgments are there.</summary>
    public bool AutoCycle { get; set; } = true;

    /// <summary>Hyperparameters of reward model runs, as JSON.</summary>
    public string RewardConfigJson { get; set; } = "{}";

    /// <summary>Hyperparameters of policy runs, as JSON; its key algorithm says of which kind they are, ppo without it.</summary>
    public string PpoConfigJson { get; set; } = "{}";

    /// <summary>Parameters of sampling runs, as JSON.</summary>
    public string SamplingConfigJson { get; set; } = "{}";

    /// <summary>What evaluations measure, as JSON.</summary>
    public string EvaluationConfigJson { get; set; } = "{}";

    /// <summary>Whether every new policy is evaluated against the one its cycle began with.</summary>
    public bool EvaluatePolicies { get; set; }

    /// <summary>The published policy; null until there is one.</summary>
    public Guid? PolicyCheckpointId { get; set; }

    /// <summary>Every run's seed is derived from it: the same project replayed gives the same weights.</summary>
    public long Seed { get; set; } = 1;

    /// <summary>When the project was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <inheritdoc/>
    public long Version { get; set; }
}
