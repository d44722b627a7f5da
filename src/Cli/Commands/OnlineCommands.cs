using System.CommandLine;
using Rlhf.Cli.Training;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Training.Memory;
using TorchSharp;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf grpo</c>, <c>rloo</c> and <c>reinforce</c>: improve a policy by what its own samples score, without a critic.</summary>
internal static class OnlineCommands
{
    public static Command Grpo() => Create<GrpoConfig>(
        "grpo",
        "Improve a policy with GRPO (Dr. GRPO, DAPO, GSPO, CISPO by --config).",
        (config, run, prompts, score) => new GrpoTrainer(config, run.Policy, prompts, score) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn });

    public static Command Rloo() => Create<RlooConfig>(
        "rloo",
        "Improve a policy with REINFORCE leave-one-out.",
        (config, run, prompts, score) => new RlooTrainer(config, run.Policy, prompts, score) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn });

    public static Command Reinforce() => Create<ReinforceConfig>(
        "reinforce",
        "Improve a policy with REINFORCE++ (baseline greedy: ReMax).",
        (config, run, prompts, score) => new ReinforceTrainer(config, run.Policy, prompts, score) { Adapter = run.Adapter, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn });

    private static Command Create<TConfig>(
        string name,
        string description,
        Func<TConfig, PolicyRun, IReadOnlyList<int[]>, ScoreResponses, OnlineTrainer<TConfig>> trainer)
        where TConfig : OnlineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var rewardModel = new Option<string>("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it.", Required = true };
        var prompts = new Option<string?>("--prompts") { Description = "A file whose rows have prompts, in any known format (docs/guides/data-formats.md); default: 1,000 training prompts of the task families." };
        var lora = new LoraOptions();
        var format = DatasetOptions.Format();
        var options = new TrainingOptions<TConfig>();
        var command = new Command(name, description) { model, rewardModel, prompts, format };
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, name.ToUpperInvariant(), config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            using var reward = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            reward.to(session.Device);
            PpoCommand.RequireSameTokenizer(run.Tokenizer, parse.GetRequiredValue(rewardModel));
            var encoded = PpoCommand.Prompts(parse.GetValue(prompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens);
            var shape = run.Shape(rows: 1, encoded.Max(p => p.Length) + config.MaxNewTokens);
            session.Plan(shape with
            {
                Frozen = MemoryPlanner.Count(reward) + (config.UsesReference && run.Adapter is null ? shape.Parameters : 0),
                SampledRows = config.BatchSize,
            });
            using var trained = trainer(config, run, encoded, ScoreResponsesWith.Model(reward));
            session.Run((states, report) => trained.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }
}
