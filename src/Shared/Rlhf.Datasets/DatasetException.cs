namespace Rlhf.Datasets;

/// <summary>A file that cannot be read or written as asked; the message is a report for the person who tried, and nothing was used or changed.</summary>
public sealed class DatasetException(string message) : Exception(message);
