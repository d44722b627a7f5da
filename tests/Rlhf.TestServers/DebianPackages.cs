namespace Rlhf.TestServers;

/// <summary>Where the packages of Debian and Ubuntu put the servers' own binaries: not on the path, one folder per version.</summary>
internal static class DebianPackages
{
    /// <summary>Folder of initdb and postgres of the newest version; null where there is none.</summary>
    public static string? PostgresBinaries { get; } = Newest("/usr/lib/postgresql", Path.Combine("bin", "initdb"));

    /// <summary>Folder of the rabbitmq-server script that any user may run (the one on the path insists on its own user); null where there is none.</summary>
    public static string? RabbitMqBinaries { get; } = Newest("/usr/lib/rabbitmq/lib", Path.Combine("sbin", "rabbitmq-server"));

    private static string? Newest(string parent, string program) => Directory.Exists(parent)
        ? Directory.GetDirectories(parent)
            .Select(folder => Path.Combine(folder, program))
            .Where(File.Exists)
            .OrderBy(path => path, StringComparer.Ordinal)
            .Select(Path.GetDirectoryName)
            .LastOrDefault()
        : null;
}
