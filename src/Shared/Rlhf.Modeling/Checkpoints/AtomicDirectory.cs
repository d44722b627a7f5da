namespace Rlhf.Modeling.Checkpoints;

/// <summary>Directories are written beside their place and then renamed, so that a reader never sees a half-written one.</summary>
internal static class AtomicDirectory
{
    /// <summary>Creates or replaces a directory whole; where writing fails, the old one stays.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="write">Writes the files into the directory that it is given.</param>
    public static void Write(string directory, Action<string> write)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        var temporary = AtomicFile.TemporaryBeside(target);
        Directory.CreateDirectory(temporary);
        try
        {
            write(temporary);
            Replace(temporary, target);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    /// <summary>Directories cannot be renamed over one another: the old one steps aside first, and back if the new one cannot take its place.</summary>
    private static void Replace(string temporary, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }

        var aside = AtomicFile.TemporaryBeside(target);
        Directory.Move(target, aside);
        try
        {
            Directory.Move(temporary, target);
        }
        catch
        {
            Directory.Move(aside, target);
            throw;
        }

        Directory.Delete(aside, recursive: true);
    }
}
