using System.CommandLine;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.TaskFamilies;
using Rlhf.Training.Batching;
using Trainer.Service.Algorithms.Ppo;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf ppo</c>: improves a policy against a reward model.</summary>
internal static class PpoCommand
{
    public static Command Create()
    {
        var model = CommonOptions.Model();
        var rewardModel = new Option<string>("--reward-model") { Description = "A reward-model directory, as rlhf reward writes it.", Required = true };
        var prompts = new Option<string?>("--prompts") { Description = "JSONL rows with \"prompt\"; default: 1,000 training prompts of the task families." };
        var config = CommonOptions.Config();
        var output = CommonOptions.Output();
        var command = new Command("ppo", "Improve a policy with PPO.") { model, rewardModel, prompts, config, output };
        command.SetAction((parse, stop) =>
        {
            var settings = OfflineTraining.Config<PpoConfig>(parse.GetValue(config));
            var directory = parse.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(directory);
            using var policy = PretrainedModel.LoadCausal(directory);
            using var reward = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            using var critic = PretrainedModel.LoadScalar(parse.GetRequiredValue(rewardModel));
            RequireSameTokenizer(tokenizer, parse.GetRequiredValue(rewardModel));
            var texts = parse.GetValue(prompts) is { } file
                ? OfflineTraining.Rows(file, "prompt").Select(r => r["prompt"])
                : DemoProject.Prompts(1000, heldOut: false).Select(p => p.Text);
            var encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings);
            using var trainer = new PpoTrainer(
                settings, policy, critic, [.. texts.Select(t => encoder.EncodePrompt(t, settings.MaxNewTokens))], ScoreResponsesWith.Model(reward));
            var target = parse.GetRequiredValue(output);
            OfflineTraining.Run("PPO", report => trainer.Train(target.TrimEnd('/') + ".state", report, stop));
            PretrainedModel.Save(policy, tokenizer, target);
            Console.WriteLine($"written: {target}");
            return Task.FromResult(0);
        });
        return command;
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
