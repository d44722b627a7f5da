using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;
using Rlhf.Training.Batching;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Ppo;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf ppo</c>: improves a policy against a reward model.</summary>
internal static class PpoCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var rewardModel = new Option<string>("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it.", Required = true };
        var prompts = new Option<string?>("--prompts") { Description = "A file whose rows have prompts, in any known format (docs/guides/data-formats.md); default: 1,000 training prompts of the task families." };
        var format = DatasetOptions.Format();
        var options = new TrainingOptions<PpoConfig>();
        var command = new Command("ppo", "Improve a policy with PPO.") { model, rewardModel, prompts, format };
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "PPO", config);

            // PPO trains the policy whole: its reference is a copy, and no adapter is asked for.
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), new LoraOptions(), parse, config);
            using var reward = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            using var critic = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            reward.to(session.Device);
            critic.to(session.Device);
            RequireSameTokenizer(run.Tokenizer, parse.GetRequiredValue(rewardModel));
            var encoded = Prompts(parse.GetValue(prompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens);
            var (policySize, criticSize) = (MemoryPlanner.Count(run.Policy), MemoryPlanner.Count(critic));
            session.Plan(run.Shape(rows: 1, encoded.Max(p => p.Length) + config.MaxNewTokens) with
            {
                Parameters = policySize + criticSize,
                Trainable = policySize + criticSize,
                Frozen = policySize + MemoryPlanner.Count(reward),
                Decoders = 2,
                SampledRows = config.BatchSize,
            });
            using var trainer = new PpoTrainer(config, run.Policy, critic, encoded, ScoreResponsesWith.Model(reward))
            {
                SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn,
            };
            session.Run((states, report) => trainer.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>The prompts of a file, or those of the task families without one.</summary>
    public static int[][] Prompts(string? file, string? format, DialogueEncoder encoder, int maxNewTokens)
    {
        var texts = file is not null
            ? DatasetOptions.Of(DatasetOptions.Read(file, format), DatasetType.PromptOnly, file).Select(row => row.Prompt!)
            : DemoProject.Prompts(1000, heldOut: false).Select(p => new TextOrMessages(p.Text));
        return [.. texts.Select(t => encoder.EncodePrompt(t, maxNewTokens))];
    }

    // Scores are computed on the policy's token ids: another tokenizer would give other texts.
    internal static void RequireSameTokenizer(Tokenizer tokenizer, string rewardModel)
    {
        if (Tokenizer.Load(rewardModel).Fingerprint != tokenizer.Fingerprint)
        {
            throw new UserException($"--reward-model {rewardModel} has another tokenizer than the policy: train it from the same base model.");
        }
    }
}
