using System.Text.Json;
using System.Text.Json.Serialization;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Cli.Backup;

/// <summary>What a backup holds: <c>manifest.json</c> in its folder, written last, so that a folder without one is no backup.</summary>
/// <param name="Format">Version of this layout.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Schema">The newest migration of the database in it.</param>
/// <param name="Files">Every other file of the folder.</param>
internal sealed record BackupManifest(int Format, DateTimeOffset CreatedAt, string Schema, IReadOnlyList<BackupFile> Files)
{
    public const int CurrentFormat = 1;
    public const string FileName = "manifest.json";

    // A manifest is a few hundred bytes for each checkpoint; one this long is none of ours.
    private const long MaxBytes = 64 * 1024 * 1024;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public void Write(string folder) => AtomicFile.Write(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, Json));

    /// <exception cref="UserException">If the folder has none, or one this program cannot read.</exception>
    public static BackupManifest Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        var info = new FileInfo(path);
        if (!info.Exists)
        {
            throw new UserException($"{folder} is not a backup: it has no {FileName}.");
        }

        if (info.Length > MaxBytes)
        {
            throw new UserException($"{path} has {info.Length} bytes, more than a manifest can have.");
        }

        try
        {
            var manifest = JsonSerializer.Deserialize<BackupManifest>(File.ReadAllBytes(path), Json) ?? throw new UserException($"{path} is empty.");
            return manifest.Format == CurrentFormat
                ? manifest
                : throw new UserException($"{path} has format {manifest.Format}; this program reads format {CurrentFormat}.");
        }
        catch (JsonException exception)
        {
            throw new UserException($"{path} cannot be read: {exception.Message}");
        }
    }
}

/// <summary>A file of a backup.</summary>
/// <param name="Path">Below the folder, with "/".</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
internal sealed record BackupFile(string Path, long Size, string Sha256);
