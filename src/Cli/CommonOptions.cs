using System.CommandLine;

namespace Rlhf.Cli;

/// <summary>Options that several commands share, worded once.</summary>
internal static class CommonOptions
{
    public static Option<string> Model() => new("--model")
    {
        Description = "A Hugging Face model directory: config.json, model.safetensors, tokenizer.json.",
        DefaultValueFactory = _ => BaseModel.Directory,
    };

    public static Option<ulong> Seed() => new("--seed") { Description = "Every random draw comes from it.", DefaultValueFactory = _ => 1UL };

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object instead of text." };

    public static Option<string?> Config() => new("--config") { Description = "Hyperparameters as JSON, keys as the flags below with _ for -; unknown keys are refused, a flag wins over the file." };

    public static Option<string> Output() => new("--output") { Description = "The directory to write; it appears complete or not at all.", Required = true };

    public static Option<string> Data() => new("--data")
    {
        Description = "Where the database, runs and checkpoints live.",
        DefaultValueFactory = _ => DefaultData(),
    };

    private static string DefaultData()
    {
        var local = Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } xdg
            ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "share");
        return Path.Combine(local, "rlhf");
    }
}
