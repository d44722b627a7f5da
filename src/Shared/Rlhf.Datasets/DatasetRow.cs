using System.Text.Json.Nodes;

namespace Rlhf.Datasets;

/// <summary>What a row is good for: TRL's dataset types (docs, "Dataset formats and types"), and the ranking of K answers.</summary>
public enum DatasetType
{
    /// <summary>A whole text or conversation.</summary>
    LanguageModeling,

    /// <summary>A prompt to answer.</summary>
    PromptOnly,

    /// <summary>A prompt and its answer.</summary>
    PromptCompletion,

    /// <summary>A prompt, the preferred answer, the other one.</summary>
    Preference,

    /// <summary>A prompt and an answer that is good or bad.</summary>
    UnpairedPreference,

    /// <summary>A prompt and the steps of an answer, each right or wrong.</summary>
    StepwiseSupervision,

    /// <summary>A prompt and K answers by rank (InstructGPT, section 3.5); ties have equal ranks.</summary>
    Ranking,
}

/// <summary>One row of a data set, whatever format it came from.</summary>
public sealed record DatasetRow
{
    /// <summary>Which type; it says what the other members hold.</summary>
    public required DatasetType Type { get; init; }

    /// <summary>The line of the file that the row begins at, from 1; 0 for a row that came from no file.</summary>
    public int Line { get; init; }

    /// <summary>The prompt; null for language modeling.</summary>
    public TextOrMessages? Prompt { get; init; }

    /// <summary>The text; the completion; chosen and rejected; the steps; the answers, best first. Empty for prompts alone.</summary>
    public IReadOnlyList<TextOrMessages> Completions { get; init; } = [];

    /// <summary>Whether the completion is good, or each step right; else empty.</summary>
    public IReadOnlyList<bool> Labels { get; init; } = [];

    /// <summary>The rank of each answer of a ranking, as the file has it: the smallest is the best, and they never fall; else empty.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>By how much the chosen answer is better, where the data says so.</summary>
    public double? Margin { get; init; }

    /// <summary>The end of the user's last message, after a line break, where the format had it in a column of its own (Alpaca's input).</summary>
    public string? Input { get; init; }

    /// <summary>Columns that the row's own format has besides; written only to that format again.</summary>
    public JsonObject Extra { get; init; } = [];

    /// <summary>Columns that the row's own format read and writes again as they stood, since the other members do not say all of them.</summary>
    internal JsonObject Kept { get; init; } = [];

    /// <summary>The format the row was read as; null for a row that came from no file.</summary>
    public DatasetFormat? Source { get; init; }

    /// <summary>What decides on which side of a split the row lies: its prompt, or its text if it has none.</summary>
    public string SplitKey => (Prompt ?? Completions[0]).AsKey();
}
