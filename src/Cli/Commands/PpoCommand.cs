using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Datasets;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Ppo;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf ppo</c>: improves a policy against a reward model, a checker, or both.</summary>
internal static class PpoCommand
{
    private const ulong CriticStream = 1UL << 57;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var prompts = new Option<string?>("--prompts") { Description = OnlinePrompts.Description };
        var evalPrompts = new Option<string?>("--eval-prompts") { Description = "The same for evaluation (--evaluate-every); default: held-out prompts of the task families." };
        var pretraining = new Option<string?>("--pretrain-dataset") { Description = "A file of texts in any known format, for --ptx-coefficient." };
        var format = DatasetOptions.Format();
        var rewards = new RewardOptions();
        var lora = new LoraOptions();
        var options = new TrainingOptions<PpoConfig>();
        var command = new Command("ppo", "Improve a policy with PPO.") { model, prompts, evalPrompts, pretraining, format };
        rewards.AddTo(command);
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, "PPO", config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            using var reward = rewards.Load(parse, run.Tokenizer);
            using var critic = Critic(rewards.RewardModel(parse), run.Policy, config);
            var training = OnlinePrompts.Read(parse.GetValue(prompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens);
            var shape = run.Shape(rows: 1, training.Ids.Max(p => p.Length) + config.MaxNewTokens);
            var criticSize = MemoryPlanner.Count(critic);
            session.Plan(shape with
            {
                Parameters = shape.Parameters + criticSize,
                Trainable = shape.Trainable + criticSize,
                Frozen = reward.Size + (run.Adapter is null ? shape.Parameters : 0),
                Decoders = config.ValueHead ? 1 : 2,
                SampledRows = config.BatchSize,
            });
            using var trainer = new PpoTrainer(config, run.Policy, critic, training.Ids, reward.For(training), run.Adapter)
            {
                SaveAverage = run.SaveAverage,
                Warn = TrainingSession.Warn,
                Ranks = TrainingRanks.Current,
                HeldOut = config.EvaluateEvery == 0
                    ? null
                    : reward.HeldOut(OnlinePrompts.Read(parse.GetValue(evalPrompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens, heldOut: true)),
                PretrainingTexts = parse.GetValue(pretraining) is { } texts
                    ? DatasetOptions.Encode(DatasetOptions.Read(texts, null).ToAll(texts, DatasetType.LanguageModeling), r => run.Tokenizer.Encode(r.Completions[0].AsText()))
                    : [],
            };
            session.Run((states, report) => trainer.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }

    // A checker has no weights that a critic could start from: then it starts from the policy's.
    private static torch.nn.Module Critic(string? rewardModel, CausalLanguageModel policy, PpoConfig config) =>
        config.ValueHead ? new ValueHead(policy, new Philox(config.Seed, CriticStream))
        : rewardModel is null ? ScalarHeadModel.FromCausal(policy, new Philox(config.Seed, CriticStream))
        : PretrainedModel.LoadScalar(rewardModel);
}
