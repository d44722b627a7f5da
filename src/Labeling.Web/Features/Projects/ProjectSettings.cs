using System.Text.Json;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Projects;

/// <summary>The settings of a project that engineers may edit, as they stand in the form.</summary>
public sealed class ProjectSettings
{
    /// <summary>Most characters of the guidelines.</summary>
    public const int MaxGuidelines = 20_000;

    public int JudgmentsPerCycle { get; set; }

    public int JudgmentsPerTask { get; set; }

    public int PromptsPerCycle { get; set; }

    public double HeldOutFraction { get; set; }

    public double RewardAccuracyGate { get; set; }

    /// <summary>Nats per answer; null: no limit.</summary>
    public double? KlBudget { get; set; }

    /// <summary>In the reward model's units; null: no gate.</summary>
    public double? HeldOutScoreGate { get; set; }

    public bool AutoCycle { get; set; }

    public string Guidelines { get; set; } = "";

    public string RewardConfigJson { get; set; } = "{}";

    public string PpoConfigJson { get; set; } = "{}";

    public string SamplingConfigJson { get; set; } = "{}";

    public string EvaluationConfigJson { get; set; } = "{}";

    public bool EvaluatePolicies { get; set; }

    /// <summary>The version the form was filled from; saving over a newer one is refused.</summary>
    public long Version { get; set; }

    /// <summary>The settings as stored.</summary>
    public static ProjectSettings Of(Project project) => new()
    {
        JudgmentsPerCycle = project.JudgmentsPerCycle,
        JudgmentsPerTask = project.JudgmentsPerTask,
        PromptsPerCycle = project.PromptsPerCycle,
        HeldOutFraction = project.HeldOutFraction,
        RewardAccuracyGate = project.RewardAccuracyGate,
        KlBudget = project.KlBudget,
        HeldOutScoreGate = project.HeldOutScoreGate,
        AutoCycle = project.AutoCycle,
        Guidelines = project.Guidelines,
        RewardConfigJson = project.RewardConfigJson,
        PpoConfigJson = project.PpoConfigJson,
        SamplingConfigJson = project.SamplingConfigJson,
        EvaluationConfigJson = project.EvaluationConfigJson,
        EvaluatePolicies = project.EvaluatePolicies,
        Version = project.Version,
    };

    /// <summary>Every fault, each naming the field and its legal values; empty if there is none.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        Range("Judgments per cycle", JudgmentsPerCycle, 1, 1_000_000);
        Range("Judgments per comparison", JudgmentsPerTask, 1, 50);
        Range("Prompts per cycle", PromptsPerCycle, 1, 100_000);
        Fraction("Held-out fraction", HeldOutFraction, 0, 0.9);
        Fraction("Reward accuracy gate", RewardAccuracyGate, 0, 1);
        if (KlBudget is { } budget && !(budget > 0 && double.IsFinite(budget)))
        {
            errors.Add(FormattableString.Invariant($"KL budget is {budget}; it must be above 0, or empty for no limit."));
        }

        if (HeldOutScoreGate is { } gate && !double.IsFinite(gate))
        {
            errors.Add(FormattableString.Invariant($"Held-out score gate is {gate}; it must be a number, or empty for no gate."));
        }

        if (Guidelines.Length > MaxGuidelines)
        {
            errors.Add($"Guidelines have {Guidelines.Length} characters; at most {MaxGuidelines} are allowed.");
        }

        Object("Reward model configuration", RewardConfigJson);
        Object("PPO configuration", PpoConfigJson);
        Object("Sampling configuration", SamplingConfigJson);
        Object("Evaluation configuration", EvaluationConfigJson);
        return errors;

        void Range(string name, int value, int low, int high)
        {
            if (value < low || value > high)
            {
                errors.Add($"{name} is {value}; it must be from {low} to {high}.");
            }
        }

        void Fraction(string name, double value, double low, double high)
        {
            if (!(value >= low && value <= high))
            {
                errors.Add(FormattableString.Invariant($"{name} is {value}; it must be from {low} to {high}."));
            }
        }

        void Object(string name, string json)
        {
            try
            {
                using var document = JsonDocument.Parse(json);
                if (document.RootElement.ValueKind != JsonValueKind.Object)
                {
                    errors.Add($"{name} must be a JSON object, such as {{\"learning_rate\": 1e-5}}.");
                }
            }
            catch (JsonException exception)
            {
                errors.Add($"{name} is no valid JSON (line {exception.LineNumber + 1}, character {exception.BytePositionInLine + 1}).");
            }
        }
    }

    internal void ApplyTo(Project project)
    {
        project.JudgmentsPerCycle = JudgmentsPerCycle;
        project.JudgmentsPerTask = JudgmentsPerTask;
        project.PromptsPerCycle = PromptsPerCycle;
        project.HeldOutFraction = HeldOutFraction;
        project.RewardAccuracyGate = RewardAccuracyGate;
        project.KlBudget = KlBudget;
        project.HeldOutScoreGate = HeldOutScoreGate;
        project.AutoCycle = AutoCycle;
        project.Guidelines = Guidelines;
        project.RewardConfigJson = RewardConfigJson;
        project.PpoConfigJson = PpoConfigJson;
        project.SamplingConfigJson = SamplingConfigJson;
        project.EvaluationConfigJson = EvaluationConfigJson;
        project.EvaluatePolicies = EvaluatePolicies;
    }
}
