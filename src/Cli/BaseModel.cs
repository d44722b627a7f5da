namespace Rlhf.Cli;

/// <summary>The small base model that ships with the project.</summary>
internal static class BaseModel
{
    /// <summary>Its directory: copied beside the program by the build.</summary>
    public static string Directory { get; } = Path.Combine(AppContext.BaseDirectory, "models", "base");

    /// <summary>Its directory, after checking that it is there.</summary>
    public static string RequireDirectory() => System.IO.Directory.Exists(Directory)
        ? Directory
        : throw new UserException($"the base model is missing: {Directory} does not exist. Build again with ./rlhf, or name another with --model.");
}
