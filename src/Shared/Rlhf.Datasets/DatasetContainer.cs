namespace Rlhf.Datasets;

/// <summary>How rows stand in a file; each may be compressed with gzip.</summary>
public enum DatasetContainer
{
    /// <summary>An object a line.</summary>
    JsonLines,

    /// <summary>One array of objects.</summary>
    Json,

    /// <summary>Comma-separated values with a header.</summary>
    Csv,

    /// <summary>A text a line.</summary>
    Text,
}
