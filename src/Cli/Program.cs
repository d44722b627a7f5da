using System.CommandLine;
using Rlhf.Cli;
using Rlhf.Cli.Commands;

var root = new RootCommand("RLHF and instruction tuning: label comparisons, train a reward model, improve the policy with PPO, publish, repeat.")
{
    UpCommand.Create(),
    SeedCommand.Create(),
    BackupCommand.CreateBackup(),
    BackupCommand.CreateRestore(),
    PruneCommand.Create(),
    ConfigCommand.Create(),
    CycleCommand.Create(),
    GenerateCommand.Create(),
    EvalCommand.Create(),
    ExportCommand.Create(),
    QuantizeCommand.Create(),
    PretrainCommand.Create(),
    SftCommand.Create(),
    RewardCommand.Create(),
    PpoCommand.Create(),
    DistillCommand.Create(),
    LaunchCommand.Create(),
    OnlineCommands.Grpo(),
    OnlineCommands.Rloo(),
    OnlineCommands.Reinforce(),
    OnlineCommands.Raft(),
    OnlineCommands.OnlineDpo(),
    PreferenceCommands.Dpo(),
    PreferenceCommands.Kto(),
    PreferenceCommands.Orpo(),
    PreferenceCommands.Simpo(),
    ImportCommand.Create(),
    ConvertCommand.Create(),
    CorpusCommand.Create(),
    CleanCommand.Create(),
    TokenizerCommand.Create(),
};

return await CommandRunner.RunAsync(root, args);
