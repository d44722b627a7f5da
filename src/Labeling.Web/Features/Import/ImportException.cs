namespace Labeling.Web.Features.Import;

/// <summary>Data that cannot be imported; the message is a report for the person who tried, and nothing was changed.</summary>
public sealed class ImportException(string message) : Exception(message);
