using Microsoft.Data.Sqlite;

namespace Rlhf.Cli.Backup;

/// <summary>Makes a data directory of a backup: everything is compared with the manifest first, and the directory appears complete or not at all.</summary>
internal sealed class DataRestore(string backup, string data)
{
    private const int MaxFaultsShown = 20;

    /// <exception cref="UserException">If the backup is damaged, or the data directory is not free; nothing was written.</exception>
    public BackupManifest Run(CancellationToken stop)
    {
        var manifest = BackupManifest.Read(backup);
        if (!BackupSchema.IsKnown(manifest.Schema))
        {
            throw new UserException($"the backup was made by a newer program: this one does not know the schema {manifest.Schema}.");
        }

        EmptyFolder.Require(data, "--data");
        var faults = Verify(manifest, stop).ToList();
        if (faults.Count > 0)
        {
            throw new UserException(
                $"the backup {backup} is damaged ({faults.Count} faults), nothing was restored:\n  - {string.Join("\n  - ", faults.Take(MaxFaultsShown))}");
        }

        var beside = EmptyFolder.Beside(data);
        try
        {
            EmptyFolder.CreatePrivate(beside);
            foreach (var file in manifest.Files)
            {
                stop.ThrowIfCancellationRequested();
                var (size, hash) = HashedCopy.Copy(Path.Combine(backup, file.Path), Path.Combine(beside, file.Path));
                if (size != file.Size || hash != file.Sha256)
                {
                    throw new UserException($"{file.Path} changed while it was restored; nothing was restored.");
                }
            }

            CheckDatabase(Path.Combine(beside, DataBackup.DatabaseFile), manifest);
            EmptyFolder.Replace(beside, data);
            return manifest;
        }
        finally
        {
            EmptyFolder.Delete(beside);
        }
    }

    private IEnumerable<string> Verify(BackupManifest manifest, CancellationToken stop)
    {
        if (manifest.Files.All(file => file.Path != DataBackup.DatabaseFile))
        {
            yield return $"{BackupManifest.FileName} lists no {DataBackup.DatabaseFile}";
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in manifest.Files)
        {
            stop.ThrowIfCancellationRequested();
            if (!IsBelow(file.Path) || !seen.Add(file.Path))
            {
                yield return $"{BackupManifest.FileName} lists {file.Path}, which is twice there or not a path below the backup";
                continue;
            }

            var info = new FileInfo(Path.Combine(backup, file.Path));
            if (!info.Exists || info.LinkTarget is not null)
            {
                yield return $"{file.Path} is missing";
            }
            else if (info.Length != file.Size)
            {
                yield return $"{file.Path} has {info.Length} bytes; {file.Size} were backed up";
            }
            else if (HashedCopy.Sha256(info.FullName) != file.Sha256)
            {
                yield return $"{file.Path} has another content than was backed up";
            }
        }
    }

    private static bool IsBelow(string path) =>
        path.Length > 0 && !Path.IsPathRooted(path) && !path.Contains('\0', StringComparison.Ordinal) && path.Split('/', '\\').All(part => part is not ("" or "." or ".."));

    private static void CheckDatabase(string database, BackupManifest manifest)
    {
        using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA integrity_check";
        if ((string?)command.ExecuteScalar() is not "ok" and var answer)
        {
            throw new UserException($"the database of the backup is damaged: {answer}; nothing was restored.");
        }

        if (BackupSchema.Read(connection) is var schema && schema != manifest.Schema)
        {
            throw new UserException($"the database of the backup has the schema {schema}, its manifest says {manifest.Schema}; nothing was restored.");
        }
    }
}
