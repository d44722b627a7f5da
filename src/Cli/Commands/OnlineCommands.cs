using System.CommandLine;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.TaskFamilies;
using Rlhf.Training.Batching;
using Trainer.Service.Algorithms.Online;
using Trainer.Service.Algorithms.Ppo;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf grpo</c>, <c>rloo</c> and <c>reinforce</c>: improve a policy by what its own samples score, without a critic.</summary>
internal static class OnlineCommands
{
    public static Command Grpo() => Create<GrpoConfig>(
        "grpo",
        "Improve a policy with GRPO (Dr. GRPO, DAPO, GSPO, CISPO by --config).",
        (config, policy, prompts, score, adapter) => new GrpoTrainer(config, policy, prompts, score) { Adapter = adapter, Warn = Warn });

    public static Command Rloo() => Create<RlooConfig>(
        "rloo",
        "Improve a policy with REINFORCE leave-one-out.",
        (config, policy, prompts, score, adapter) => new RlooTrainer(config, policy, prompts, score) { Adapter = adapter, Warn = Warn });

    public static Command Reinforce() => Create<ReinforceConfig>(
        "reinforce",
        "Improve a policy with REINFORCE++ (baseline greedy: ReMax).",
        (config, policy, prompts, score, adapter) => new ReinforceTrainer(config, policy, prompts, score) { Adapter = adapter, Warn = Warn });

    private static Command Create<TConfig>(
        string name,
        string description,
        Func<TConfig, CausalLanguageModel, IReadOnlyList<int[]>, ScoreResponses, LoraAdapter?, OnlineTrainer<TConfig>> trainer)
        where TConfig : OnlineTrainingConfig, new()
    {
        var model = CommonOptions.Model();
        var rewardModel = new Option<string>("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it.", Required = true };
        var prompts = new Option<string?>("--prompts") { Description = "JSONL rows with \"prompt\"; default: 1,000 training prompts of the task families." };
        var config = CommonOptions.Config();
        var output = CommonOptions.Output();
        var lora = new LoraOptions();
        var command = new Command(name, description) { model, rewardModel, prompts, config, output };
        lora.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            var settings = OfflineTraining.Config<TConfig>(parse.GetValue(config));
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var policy = PretrainedModel.LoadCausal(directory);
            using var reward = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            PpoCommand.RequireSameTokenizer(tokenizer, parse.GetRequiredValue(rewardModel));
            var texts = parse.GetValue(prompts) is { } file
                ? OfflineTraining.Rows(file, "prompt").Select(r => r["prompt"])
                : DemoProject.Prompts(1000, heldOut: false).Select(p => p.Text);
            var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
            var adapter = lora.Attach(parse, policy, settings.Seed);
            var encoded = texts.Select(t => encoder.EncodePrompt(t, settings.MaxNewTokens)).ToArray();
            using var run = trainer(settings, policy, encoded, ScoreResponsesWith.Model(reward), adapter);
            var target = parse.GetRequiredValue(output);
            OfflineTraining.Run(name.ToUpperInvariant(), report => run.Train(target.TrimEnd('/') + ".state", report, stop));
            adapter?.MergeAndDetach();
            PretrainedModel.Save(policy, tokenizer, target);
            Console.WriteLine($"written: {target}");
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Warn(string message) => Console.Error.WriteLine("warning: " + message);
}
