namespace Rlhf.TestSupport;

/// <summary>Where the reference data of the tests lies: <c>RLHF_SHARED</c>, else <c>shared</c> beside the checkout.</summary>
public static class SharedData
{
    /// <summary>The reference folder, or null where this machine has none.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The repository's root folder.</summary>
    public static string RepositoryRoot { get; } = FindRepository();

    /// <summary>The full path of a reference file or folder; a test without it is skipped and says so.</summary>
    public static string Require(params string[] relative)
    {
        var path = Root is null ? null : Path.Combine([Root, .. relative]);
        Xunit.Assert.SkipUnless(
            path is not null && (File.Exists(path) || Directory.Exists(path)),
            $"no reference data: {Path.Combine(relative)} was not found under RLHF_SHARED ({Root ?? "no such folder"})");
        return path!;
    }

    private static string? Find()
    {
        var root = Environment.GetEnvironmentVariable("RLHF_SHARED") ?? Path.Combine(FindRepository(), "..", "shared");
        return Directory.Exists(root) ? Path.GetFullPath(root) : null;
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Rlhf.sln")))
            {
                return folder.FullName;
            }
        }

        // Tests may run from build output outside the checkout.
        return Directory.GetCurrentDirectory() is var current && File.Exists(Path.Combine(current, "Rlhf.sln"))
            ? current
            : Environment.GetEnvironmentVariable("RLHF_ROOT") ?? current;
    }
}
