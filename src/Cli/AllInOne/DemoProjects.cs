using System.Globalization;
using Rlhf.Contracts.Labeling;
using Rlhf.Data.Entities;
using Rlhf.Numerics;
using Rlhf.TaskFamilies;

namespace Rlhf.Cli.AllInOne;

/// <summary>The projects that come with the command line: one to label in the browser, one a seed for the simulated cycle.</summary>
internal static class DemoProjects
{
    /// <summary>The longest sampled answer, in tokens: nearly every good answer is shorter.</summary>
    public const int AnswerTokens = 96;

    /// <summary>What <c>rlhf up</c> shows: few judgments start a cycle, so that the first one is over in minutes.</summary>
    public static (Project Project, IReadOnlyList<(TaskPrompt Prompt, string Split)> Prompts) Interactive()
    {
        var project = new Project
        {
            Name = DemoProject.Name,
            Slug = "demo",
            Guidelines = DemoProject.Guidelines,
            JudgmentsPerCycle = 12,
            PromptsPerCycle = 24,
            HeldOutFraction = 0.2,
            RewardAccuracyGate = 0,
            Seed = 1,
            RewardConfigJson = """{"epochs": 6, "batch_size": 4, "learning_rate": 0.0001, "evaluate_every": 4}""",
            PpoConfigJson = Ppo(updates: 10, batch: 32),
            SamplingConfigJson = Sampling,
        };
        return (project, [.. DemoProject.Prompts(400, heldOut: false).Select(p => (p, Splits.Train))]);
    }

    /// <summary>A project for the simulated annotator, and the held-out prompts of the verdict, which are not in it.</summary>
    public static (Project Project, IReadOnlyList<(TaskPrompt Prompt, string Split)> Prompts, IReadOnlyList<TaskPrompt> Verdict) Simulated(ulong seed, CycleSettings settings)
    {
        var name = $"Simulated cycle, seed {seed.ToString(CultureInfo.InvariantCulture)}";
        var project = new Project
        {
            Name = name,
            Slug = $"simulated-{seed.ToString(CultureInfo.InvariantCulture)}",
            Guidelines = DemoProject.Guidelines,
            JudgmentsPerCycle = settings.Judgments,
            // Two equal answers give no comparison, so there are some more prompts than judgments.
            PromptsPerCycle = settings.Judgments + (settings.Judgments / 3) + 10,
            HeldOutFraction = 0.2,
            RewardAccuracyGate = 0,
            Seed = (long)seed,
            RewardConfigJson = """{"epochs": 3, "batch_size": 16, "learning_rate": 0.001, "warmup_steps": 10, "evaluate_every": 20}""",
            PpoConfigJson = Ppo(settings.PpoUpdates, batch: 64),
            SamplingConfigJson = Sampling,
        };
        return (
            project,
            [.. KindWords(Math.Max(1000, project.PromptsPerCycle), heldOut: false, seed).Select(p => (p, Splits.Train))],
            KindWords(settings.HeldOutPrompts, heldOut: true, seed));
    }

    // One kind of task, as a first annotation project usually has. Over all families at once a reward model of this size, which saw few
    // answers that belong to another task, learns to like the task with the better answers, and PPO answers everything with it:
    // docs/guides/simulated-cycle.md.
    private static readonly string[] SimulatedFamilies = ["thanks", "comfort"];

    private static List<TaskPrompt> KindWords(int count, bool heldOut, ulong seed)
    {
        var random = new Philox(seed, heldOut ? 1UL : 0UL);
        var prompts = new List<TaskPrompt>(count);
        var texts = new HashSet<string>(StringComparer.Ordinal);
        for (var turn = 0; prompts.Count < count; turn++)
        {
            // There are only so many sorrows; the notes of thanks go on when all have been asked for.
            var prompt = TaskFamilyRegistry.Find(SimulatedFamilies[turn % SimulatedFamilies.Length]).CreatePrompt(random);
            if (PromptSplit.IsHeldOut(prompt.Text) == heldOut && texts.Add(prompt.Text))
            {
                prompts.Add(prompt);
            }
        }

        return prompts;
    }

    private static string Sampling => $$"""{"max_new_tokens": {{AnswerTokens}}, "temperature": 1.0}""";

    private static string Ppo(int updates, int batch) =>
        $$"""{"updates": {{updates}}, "batch_size": {{batch}}, "epochs": 2, "minibatch_count": 2, "micro_batch_size": 8, "learning_rate": 0.0003, "schedule": "constant", "kl_coefficient": 0.1, "max_new_tokens": {{AnswerTokens}}, "save_every": 2}""";
}
