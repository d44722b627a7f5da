using System.CommandLine;
using Rlhf.Cli.Training;
using Trainer.Service.Algorithms.Common;
using Trainer.Service.Algorithms.Online;

namespace Rlhf.Cli.Commands;

/// <summary>
/// <c>rlhf grpo</c>, <c>rloo</c>, <c>reinforce</c>, <c>raft</c> and <c>online-dpo</c>: improve a policy by what its own samples score, without a critic.
/// </summary>
internal static class OnlineCommands
{
    public static Command Grpo() => Create<GrpoConfig>(
        "grpo",
        "Improve a policy with GRPO (Dr. GRPO, DAPO, GSPO, CISPO by --config).",
        (config, run, prompts, score, heldOut) => new GrpoTrainer(config, run.Policy, prompts, score)
        {
            Adapter = run.Adapter, HeldOut = heldOut, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        });

    public static Command Rloo() => Create<RlooConfig>(
        "rloo",
        "Improve a policy with REINFORCE leave-one-out.",
        (config, run, prompts, score, heldOut) => new RlooTrainer(config, run.Policy, prompts, score)
        {
            Adapter = run.Adapter, HeldOut = heldOut, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        });

    public static Command Reinforce() => Create<ReinforceConfig>(
        "reinforce",
        "Improve a policy with REINFORCE++ (baseline greedy: ReMax).",
        (config, run, prompts, score, heldOut) => new ReinforceTrainer(config, run.Policy, prompts, score)
        {
            Adapter = run.Adapter, HeldOut = heldOut, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        });

    public static Command Raft() => Create<RaftConfig>(
        "raft",
        "Improve a policy by rejection sampling: the best of several responses is fine-tuned on (RAFT; ReST with --reward-threshold).",
        (config, run, prompts, score, heldOut) => new RaftTrainer(config, run.Policy, prompts, score)
        {
            Adapter = run.Adapter, HeldOut = heldOut, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        });

    public static Command OnlineDpo() => Create<OnlineDpoConfig>(
        "online-dpo",
        "Improve a policy with DPO on pairs of its own responses, ranked by the reward.",
        (config, run, prompts, score, heldOut) => new OnlineDpoTrainer(config, run.Policy, prompts, score)
        {
            Adapter = run.Adapter, HeldOut = heldOut, SaveAverage = run.SaveAverage, Warn = TrainingSession.Warn, Ranks = TrainingRanks.Current,
        });

    private static Command Create<TConfig>(
        string name,
        string description,
        Func<TConfig, PolicyRun, IReadOnlyList<int[]>, ScoreResponses, HeldOutScore?, OnlineTrainer<TConfig>> trainer)
        where TConfig : OnlineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var prompts = new Option<string?>("--prompts") { Description = OnlinePrompts.Description };
        var evalPrompts = new Option<string?>("--eval-prompts") { Description = "The same for evaluation (--evaluate-every); default: held-out prompts of the task families." };
        var format = DatasetOptions.Format();
        var rewards = new RewardOptions();
        var lora = new LoraOptions();
        var options = new TrainingOptions<TConfig>();
        var command = new Command(name, description) { model, prompts, evalPrompts, format };
        rewards.AddTo(command);
        lora.AddTo(command);
        options.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var config = options.Read(parse);
            var session = options.Open(parse, name.ToUpperInvariant(), config);
            using var run = PolicyRun.Load(session, parse.GetRequiredValue(model), lora, parse, config);
            using var reward = rewards.Load(parse, run.Tokenizer);
            var training = OnlinePrompts.Read(parse.GetValue(prompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens);
            var shape = run.Shape(rows: 1, training.Ids.Max(p => p.Length) + config.MaxNewTokens);
            session.Plan(shape with
            {
                Frozen = reward.Size + (config.UsesReference && run.Adapter is null ? shape.Parameters : 0),
                SampledRows = config.BatchSize,
            });
            var heldOut = config.EvaluateEvery == 0
                ? null
                : reward.HeldOut(OnlinePrompts.Read(parse.GetValue(evalPrompts), parse.GetValue(format), run.Encoder, config.MaxNewTokens, heldOut: true));
            using var trained = trainer(config, run, training.Ids, reward.For(training), heldOut);
            session.Run((states, report) => trained.Train(states, report, stop));
            run.Save();
            return Task.FromResult(0);
        });
        return command;
    }
}
