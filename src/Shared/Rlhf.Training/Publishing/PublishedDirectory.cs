namespace Rlhf.Training.Publishing;

/// <summary>Where a checkpoint lies in the store and what its bytes hash to.</summary>
/// <param name="Path">Relative to the store.</param>
/// <param name="ContentHash">SHA-256 over the files, lower-case hexadecimal.</param>
/// <param name="SizeBytes">Bytes of the files.</param>
public sealed record PublishedDirectory(string Path, string ContentHash, long SizeBytes);
