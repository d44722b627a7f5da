namespace Labeling.Web.Features.Import;

/// <summary>One imported comparison: a prompt (or dialogue up to the answer), the preferred answer and the other one.</summary>
/// <param name="Line">The line of the file it came from, from 1.</param>
/// <param name="Prompt">Everything both answers share, up to and including the last <c>Assistant:</c>.</param>
/// <param name="Chosen">The preferred answer.</param>
/// <param name="Rejected">The other answer.</param>
public sealed record PreferencePair(int Line, string Prompt, string Chosen, string Rejected);
