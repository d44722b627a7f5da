using Microsoft.Data.Sqlite;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Cli.Backup;

/// <summary>
/// Copies a data directory while its system runs. The order makes the parts fit together: states of runs first, so that the database, copied
/// next, is never behind them; checkpoints last, because what a row names was complete before the row was written and never changes.
/// </summary>
internal sealed class DataBackup(string data, string target)
{
    public const string DatabaseFile = "rlhf.db";
    public const string CheckpointFolder = "checkpoints";
    public const string RunFolder = "runs";
    public const string KeyFolder = "keys";

    private readonly List<string> _missing = [];

    /// <summary>Writes the backup beside its place and renames it.</summary>
    /// <returns>What was copied, and one sentence for each checkpoint that is damaged in the store itself, which the backup therefore lacks.</returns>
    /// <exception cref="UserException">If there is no data directory, or the target is not free.</exception>
    public (BackupManifest Manifest, IReadOnlyList<string> Missing) Run(DateTimeOffset now, CancellationToken stop)
    {
        if (!File.Exists(Path.Combine(data, DatabaseFile)))
        {
            throw new UserException($"there is nothing to back up: {Path.Combine(data, DatabaseFile)} does not exist. Name the data directory with --data.");
        }

        EmptyFolder.Require(target, "--to");
        var beside = EmptyFolder.Beside(target);
        try
        {
            // It holds everybody's labels and the keys of the cookies.
            EmptyFolder.CreatePrivate(beside);
            CopyRunStates(beside, stop);
            CopyDatabase(Path.Combine(beside, DatabaseFile));
            var (schema, checkpoints, openRuns) = ReadDatabase(Path.Combine(beside, DatabaseFile));
            foreach (var state in Folders(Path.Combine(beside, RunFolder)).Where(folder => !openRuns.Contains(Path.GetFileName(folder).ToUpperInvariant())))
            {
                Directory.Delete(state, recursive: true);
            }

            CopyFolder(Path.Combine(data, KeyFolder), Path.Combine(beside, KeyFolder), stop);
            foreach (var (path, hash) in checkpoints)
            {
                CopyCheckpoint(beside, path, hash, stop);
            }

            var files = Directory.EnumerateFiles(beside, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file =>
                new BackupFile(Path.GetRelativePath(beside, file), new FileInfo(file).Length, HashedCopy.Sha256(file)));
            var manifest = new BackupManifest(BackupManifest.CurrentFormat, now, schema, [.. files]);
            manifest.Write(beside);
            EmptyFolder.Replace(beside, target);
            return (manifest, _missing);
        }
        finally
        {
            EmptyFolder.Delete(beside);
        }
    }

    // The newest state of each run. A run goes on meanwhile and removes old states: what vanishes is passed over for a newer one.
    private void CopyRunStates(string beside, CancellationToken stop)
    {
        foreach (var run in Folders(Path.Combine(data, RunFolder)))
        {
            var done = false;
            for (var attempt = 0; attempt < 10 && !done; attempt++)
            {
                if (Folders(run).Where(folder => !Path.GetFileName(folder).StartsWith('.')).Order(StringComparer.Ordinal).LastOrDefault() is not { } state)
                {
                    break;
                }

                var copy = Path.Combine(beside, RunFolder, Path.GetFileName(run), Path.GetFileName(state));
                try
                {
                    CopyFolder(state, copy, stop);
                    done = Directory.Exists(state);
                }
                catch (IOException exception) when (exception is DirectoryNotFoundException or FileNotFoundException)
                {
                    // Removed while it was read.
                }

                if (!done)
                {
                    EmptyFolder.Delete(copy);
                }
            }
        }
    }

    // SQLite's own online backup: a consistent copy while others write. https://www.sqlite.org/backup.html
    private void CopyDatabase(string copy)
    {
        using var source = new SqliteConnection($"Data Source={Path.Combine(data, DatabaseFile)};Pooling=False");
        using var destination = new SqliteConnection($"Data Source={copy};Pooling=False");
        source.Open();
        destination.Open();
        source.BackupDatabase(destination);
    }

    private static (string Schema, IReadOnlyList<(string Path, string Hash)> Checkpoints, HashSet<string> OpenRuns) ReadDatabase(string database)
    {
        using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
        connection.Open();
        return (
            BackupSchema.Read(connection),
            [.. Rows("SELECT DISTINCT Path, ContentHash FROM Checkpoints WHERE FilesDeletedAt IS NULL", reader => (reader.GetString(0), reader.GetString(1)))],
            [.. Rows("SELECT Id FROM Runs WHERE Status <> 'completed'", reader => reader.GetString(0).ToUpperInvariant())]);

        List<T> Rows<T>(string query, Func<SqliteDataReader, T> read)
        {
            using var command = connection.CreateCommand();
            command.CommandText = query;
            using var reader = command.ExecuteReader();
            var rows = new List<T>();
            while (reader.Read())
            {
                rows.Add(read(reader));
            }

            return rows;
        }
    }

    private void CopyCheckpoint(string beside, string path, string hash, CancellationToken stop)
    {
        var copy = Path.Combine(beside, CheckpointFolder, path);
        try
        {
            var source = Path.Combine(data, CheckpointFolder, path);
            if (!Directory.Exists(source))
            {
                _missing.Add($"checkpoint {path} is missing from the store");
                return;
            }

            CopyFolder(source, copy, stop);
            if (CheckpointHash.Compute(copy) == hash)
            {
                return;
            }

            _missing.Add($"checkpoint {path} is corrupt in the store: its content is not what was published");
        }
        catch (IOException exception)
        {
            _missing.Add($"checkpoint {path} cannot be read: {exception.Message}");
        }

        EmptyFolder.Delete(copy);
    }

    private static void CopyFolder(string source, string target, CancellationToken stop)
    {
        if (!Directory.Exists(source))
        {
            return;
        }

        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            stop.ThrowIfCancellationRequested();
            HashedCopy.Copy(file, Path.Combine(target, Path.GetRelativePath(source, file)));
        }
    }

    private static string[] Folders(string path) => Directory.Exists(path) ? Directory.GetDirectories(path) : [];
}
