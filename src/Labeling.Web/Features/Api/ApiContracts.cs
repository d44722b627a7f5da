using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Features.Api;

// What travels over /api/v1. Like messages these only grow: a new property is optional, a breaking change is /api/v2.

/// <summary>A project the key's owner may label in.</summary>
/// <param name="Slug">Its name in addresses.</param>
/// <param name="Name">Its shown name.</param>
/// <param name="Guidelines">What to prefer, in Markdown.</param>
public sealed record ApiProject(string Slug, string Name, string Guidelines);

/// <summary>One answer to the prompt.</summary>
/// <param name="Choice">What to submit as the choice if this answer is the better one.</param>
/// <param name="Text">The answer.</param>
public sealed record ApiCompletion(string Choice, string Text);

/// <summary>A comparison lent to the key's owner.</summary>
/// <param name="TaskId">The comparison task.</param>
/// <param name="Prompt">What the answers answer.</param>
/// <param name="Completions">Two answers, in the order drawn for this annotator; show them in this order.</param>
/// <param name="LeaseToken">Proves the lease; a judgment is submitted with it.</param>
/// <param name="ExpiresAt">When somebody else may get the comparison (UTC).</param>
public sealed record ApiTask(Guid TaskId, string Prompt, IReadOnlyList<ApiCompletion> Completions, Guid LeaseToken, DateTimeOffset ExpiresAt);

/// <summary>A judgment to store.</summary>
public sealed record ApiJudgmentRequest
{
    /// <summary>The token of the lease. Submitting it again stores nothing more.</summary>
    public string? LeaseToken { get; init; }

    /// <summary>The choice of the better completion (the choice that tasks/next gives with each), or "tie".</summary>
    public string? Choice { get; init; }

    /// <summary>Milliseconds from showing the comparison to the choice, at least 0.</summary>
    public long? DurationMs { get; init; }

    /// <summary>What is wrong, by the field's name in JSON; empty if nothing is.</summary>
    internal Dictionary<string, string[]> Validate()
    {
        var errors = new Dictionary<string, string[]>();
        if (!Guid.TryParse(LeaseToken, out _))
        {
            errors["leaseToken"] = [$"leaseToken is {Show(LeaseToken)}; it must be the leaseToken of a comparison from tasks/next."];
        }

        if (Choice is null || !Choices.All.Contains(Choice))
        {
            errors["choice"] = [$"choice is {Show(Choice)}; legal values: {string.Join(", ", Choices.All)}."];
        }

        if (DurationMs is not (>= 0 and <= int.MaxValue))
        {
            errors["durationMs"] = [$"durationMs is {Show(DurationMs?.ToString(System.Globalization.CultureInfo.InvariantCulture))}; legal values: 0 to {int.MaxValue} milliseconds."];
        }

        return errors;
    }

    private static string Show(string? value) => value is null ? "missing" : $"'{(value.Length <= 40 ? value : value[..40] + "…")}'";
}

/// <summary>A stored judgment.</summary>
/// <param name="JudgmentId">The judgment's id, the same however often it was submitted.</param>
public sealed record ApiJudgment(Guid JudgmentId);

/// <summary>Where a project stands.</summary>
/// <param name="OwnJudgments">Judgments of the key's owner in the project.</param>
/// <param name="OwnToday">Of these, since midnight UTC.</param>
/// <param name="Collected">Judgments collected for the next reward model.</param>
/// <param name="Needed">Judgments a reward model waits for.</param>
/// <param name="OpenTasks">Comparisons that still need judgments, by anybody.</param>
/// <param name="CycleNumber">Number of the running or last cycle; null before the first.</param>
/// <param name="CycleStatus">What the running cycle does; null while judgments are collected.</param>
public sealed record ApiProgress(int OwnJudgments, int OwnToday, int Collected, int Needed, int OpenTasks, int? CycleNumber, string? CycleStatus);
