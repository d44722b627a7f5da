using System.Globalization;
using System.Text.Json;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Projects;

/// <summary>A decision in words, with the numbers that led to it; docs/guides/cycles.md lists the decisions.</summary>
public static class DecisionText
{
    /// <summary>One sentence without a full stop.</summary>
    public static string Of(CycleDecision decision)
    {
        using var document = JsonDocument.Parse(decision.NumbersJson);
        var n = new Numbers(document.RootElement);
        return decision.Decision switch
        {
            "start" => $"Cycle started with {n["used"]} of {n["available"]} waiting judgments; a cycle starts by itself at {n["threshold"]}",
            "improve" => $"Reward model passed: {Accuracy(n)}",
            "publish" => $"Policy v{n["version"]} published: {Policy(n)}",
            "halt" when n.Has("reason") => $"Halted in the {n["stage"]} stage: {n["reason"]}",
            "halt" when n.Has("accuracy") => $"Halted before PPO: {Accuracy(n)}",
            "halt" => $"Halted, policy v{n["version"]} not published: {Policy(n)}",
            "complete" => $"Cycle completed: {n["answers"]} new answers sampled",
            "fail" => $"The {n["stage"]} run failed at step {n["step"]}: {n["reason"]}",
            "resumed" => "Run resumed, and the cycle with it",
            "pause" => "Project paused: what runs finishes, nothing new starts",
            "wait" => $"The {n["nextStage"]} stage waits: the project is paused",
            "resume" => $"Resumed with the {n["stage"]} stage",
            "step" => $"One step: the {n["stage"]} stage",
            "no-step" => $"No step: {n["reason"]}",
            "roll-back" => $"Policy rolled back from v{n["fromVersion"]} to v{n["toVersion"]}{HaltedCycle(n)}; it is asked for new answers",
            "no-roll-back" => $"Not rolled back{(n.Has("version") ? $" to v{n["version"]}" : "")}: {n["reason"]}",
            "retract" => $"{n["retracted"]} judgments taken back{(n.Has("firstCycle") ? $", the first counted in cycle {n["firstCycle"]}; the policy stays" : "; no cycle counts any of them")}",
            "requeue" => $"{n["retracted"]} judgments taken back, the first counted in cycle {n["firstCycle"]}: policy back from v{n["fromVersion"]} to v{n["toVersion"]}{HaltedCycle(n)}, {n["freed"]} judgments wait to be counted again",
            "no-requeue" => $"{n["retracted"]} judgments taken back, but cycle {n["firstCycle"]} cannot run again: {n["reason"]}",
            "replenish" => $"New answers to {n["prompts"]} prompts asked for: {n["open"]} judgments still open and {n["waiting"]} waiting, {n["threshold"]} needed",
            "ask-again" => $"The {n["stage"]} run was asked for again: its command had been lost",
            _ => $"{Capital(decision.Decision.Replace('-', ' '))}{n.All()}",
        };
    }

    private static string Accuracy(Numbers n) => n.Has("accuracy")
        ? $"accuracy {n.Percent("accuracy")} on {(n.Has("decided") ? $"{n["decided"]} " : "")}held-out judgments, gate {n.Percent("gate")}"
        : $"no held-out judgment to check it with (gate {n.Percent("gate")})";

    private static string Policy(Numbers n) =>
        $"KL {n["kl"]} nats ({(n.Has("klBudget") ? $"budget {n["klBudget"]}" : "no budget")})"
        + (n.Has("score") ? $", held-out score {n["scoreStart"]} → {n["score"]}, gain {n["gain"]}" : ", no held-out score")
        + (n.Has("heldOutScoreGate") ? $" (gate {n["heldOutScoreGate"]})" : " (no gate)");

    private static string HaltedCycle(Numbers n) => n.Has("haltedCycle") ? $", cycle {n["haltedCycle"]} halted" : "";

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    // Rows outlive programs: whatever is missing reads as a dash.
    private readonly record struct Numbers(JsonElement Root)
    {
        public string this[string name] => Find(name) is { } value ? Text(value) : "–";

        public bool Has(string name) => Find(name) is not null;

        public string Percent(string name) => Find(name) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble().ToString("0.#%", CultureInfo.InvariantCulture) : "–";

        public string All() => Root.ValueKind == JsonValueKind.Object && Root.EnumerateObject().Any()
            ? ": " + string.Join(", ", Root.EnumerateObject().Select(p => $"{p.Name} {Text(p.Value)}"))
            : "";

        private JsonElement? Find(string name) =>
            Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

        private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            ? number.ToString("0.###", CultureInfo.InvariantCulture)
            : value.ValueKind == JsonValueKind.Null ? "–" : value.ToString();
    }
}
