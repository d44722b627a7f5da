using Rlhf.Datasets.Files;

namespace Rlhf.Datasets;

/// <summary>Rows of one type as rows of another, where that loses no more than its name says.</summary>
public static class RowConversion
{
    /// <summary>The rows of a type that a row holds; some conversions give several rows, some none.</summary>
    /// <param name="row">The row.</param>
    /// <param name="type">The wanted type.</param>
    /// <remarks>
    /// A conversation that ends with the assistant is a prompt and a completion, and the other way round. A preference is its chosen answer, two
    /// unpaired rows (TRL's <c>unpair_preference_dataset</c>), or a ranking of two. A ranking is its best answer, or all pairs of unequal rank.
    /// Of unpaired rows only the good ones are completions.
    /// </remarks>
    /// <exception cref="FormatException">If rows of this type hold nothing of the wanted one.</exception>
    public static IEnumerable<DatasetRow> To(this DatasetRow row, DatasetType type)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Type == type ? [row] : (row.Type, type) switch
        {
            (DatasetType.PromptCompletion, DatasetType.LanguageModeling) => [row with { Type = type, Prompt = null, Completions = [Join(row)] }],
            (DatasetType.LanguageModeling, DatasetType.PromptCompletion) => [Part(row)],
            (DatasetType.LanguageModeling, DatasetType.PromptOnly) => [Part(row) with { Type = type, Completions = [] }],
            (_, DatasetType.PromptOnly) => [row with { Type = type, Completions = [], Labels = [], Ranks = [], Margin = null }],
            (DatasetType.Preference or DatasetType.Ranking, DatasetType.PromptCompletion) =>
                [row with { Type = type, Completions = [row.Completions[0]], Ranks = [], Margin = null }],
            (DatasetType.UnpairedPreference, DatasetType.PromptCompletion) => row.Labels[0] ? [row with { Type = type, Labels = [] }] : [],
            (DatasetType.Preference, DatasetType.UnpairedPreference) =>
            [
                row with { Type = type, Completions = [row.Completions[0]], Labels = [true], Margin = null },
                row with { Type = type, Completions = [row.Completions[1]], Labels = [false], Margin = null },
            ],
            (DatasetType.Preference, DatasetType.Ranking) => [row with { Type = type, Ranks = [0, 1], Margin = null }],
            (DatasetType.Ranking, DatasetType.Preference) => Pairs(row),
            (DatasetType.Ranking, DatasetType.UnpairedPreference) => Pairs(row).SelectMany(pair => pair.To(type)),
            _ => throw new FormatException($"{DatasetFormat.NameOf(row.Type)} rows hold no {DatasetFormat.NameOf(type)} rows"),
        };
    }

    /// <summary>The rows of some types that the rows of a file hold: all, or a fault for each that holds none.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="file">The file, for the message.</param>
    /// <param name="types">A row of one of these types stays as it is, another becomes rows of the first.</param>
    /// <exception cref="DatasetException">With every row (the first 20) that holds none of them, by line and reason; or if nothing is left.</exception>
    public static IReadOnlyList<DatasetRow> ToAll(this IEnumerable<DatasetRow> rows, string file, params IReadOnlyList<DatasetType> types)
    {
        ArgumentNullException.ThrowIfNull(types);
        var wanted = DatasetFormat.NameOf(types[0]);
        var converted = rows.MakeAll($"{file}: ", $"hold no {wanted} rows", row => types.Contains(row.Type) ? [row] : row.To(types[0]));
        return converted.Count > 0 ? converted : throw new DatasetException($"{file}: the rows hold no {wanted} rows. Nothing was used.");
    }

    /// <summary>Something else of every row, or a fault for each of which it cannot be made.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="beginning">What the message begins with, such as the file; may be empty.</param>
    /// <param name="fault">What is wrong with the faulty ones: "cannot be encoded".</param>
    /// <param name="make">Makes it; a <see cref="FormatException"/> says why not.</param>
    /// <exception cref="DatasetException">With every faulty row (the first 20), by line and reason.</exception>
    public static IReadOnlyList<T> MakeAll<T>(this IEnumerable<DatasetRow> rows, string beginning, string fault, Func<DatasetRow, IEnumerable<T>> make)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(make);
        var (made, faults) = (new List<T>(), new FaultList());
        var count = 0;
        foreach (var row in rows)
        {
            count++;
            try
            {
                made.AddRange(make(row));
            }
            catch (FormatException exception)
            {
                faults.Add(row.Line, exception.Message);
            }
        }

        return faults.Count == 0 ? made : throw new DatasetException($"{beginning}{faults.Count} of {count} rows {fault}. Nothing was used.\n  {faults}");
    }

    /// <summary>Whether rows of one type hold any of the other.</summary>
    public static bool Converts(DatasetType from, DatasetType to) => from == to || (from, to) switch
    {
        (DatasetType.PromptOnly, _) or (DatasetType.StepwiseSupervision, not DatasetType.PromptOnly) or (_, DatasetType.StepwiseSupervision) => false,
        (_, DatasetType.PromptOnly or DatasetType.PromptCompletion) => true,
        (DatasetType.PromptCompletion, DatasetType.LanguageModeling) => true,
        (DatasetType.Preference, DatasetType.UnpairedPreference or DatasetType.Ranking) => true,
        (DatasetType.Ranking, DatasetType.Preference or DatasetType.UnpairedPreference) => true,
        _ => false,
    };

    private static TextOrMessages Join(DatasetRow row) => row.Prompt!.Messages is null && row.Completions[0].Messages is null
        ? new TextOrMessages(row.Prompt.Text + row.Completions[0].Text)
        : new TextOrMessages([.. row.Prompt.AsPrompt(), .. row.Completions[0].AsCompletion()]);

    private static DatasetRow Part(DatasetRow row) =>
        row.Completions[0].Messages is [_, .., { Role: Message.Assistant } answer] messages
            ? row with { Type = DatasetType.PromptCompletion, Prompt = new TextOrMessages(messages.Take(messages.Count - 1)), Completions = [new TextOrMessages([answer])] }
            : throw new FormatException("only a conversation that ends with the assistant has a prompt and a completion");

    private static IEnumerable<DatasetRow> Pairs(DatasetRow row) =>
        from better in Enumerable.Range(0, row.Completions.Count)
        from worse in Enumerable.Range(better + 1, row.Completions.Count - better - 1)
        where row.Ranks[better] < row.Ranks[worse]
        select row with { Type = DatasetType.Preference, Completions = [row.Completions[better], row.Completions[worse]], Ranks = [] };
}
