namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>What a rendering may use: far above what any chat needs, far below what would hurt the process.</summary>
internal static class Limits
{
    /// <summary>Evaluated nodes, list items and, at four to the step, characters of strings made.</summary>
    public const long MaxSteps = 5_000_000;

    /// <summary>The characters of the output, and of any one string.</summary>
    public const int MaxText = 1 << 24;

    /// <summary>Items of any one list.</summary>
    public const int MaxItems = 1_000_000;

    /// <summary>Calls of macros inside one another.</summary>
    public const int MaxCalls = 100;

    /// <summary>Nesting of expressions and blocks in the source.</summary>
    public const int MaxNesting = 60;

    /// <summary>Operators, attributes, calls or filters in a row: each makes the tree one deeper.</summary>
    public const int MaxChain = 200;

    /// <summary>Characters of a template's source.</summary>
    public const int MaxSource = 1 << 20;
}
