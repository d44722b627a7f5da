namespace Rlhf.Cli.Backup;

/// <summary>A folder that appears complete or not at all: filled under another name beside its place, then renamed.</summary>
internal static class EmptyFolder
{
    /// <exception cref="UserException">If something is there already.</exception>
    public static void Require(string path, string option)
    {
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw new UserException($"{path} is not empty, and nothing is overwritten: name another folder with {option}.");
        }
    }

    /// <summary>A name in the same parent folder, hence on the same file system.</summary>
    public static string Beside(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.partial");
    }

    public static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public static void Replace(string beside, string path)
    {
        if (Directory.Exists(path))
        {
            // Only if it is empty still.
            Directory.Delete(path);
        }

        Directory.Move(beside, Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
    }

    public static void Delete(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
