namespace Labeling.Web.Security;

/// <summary>Where to go after signing in: a path of this site, never another site's address.</summary>
public static class LocalPath
{
    /// <summary>The path if it is one of this site, else the home page.</summary>
    public static string OrHome(string? path) => IsLocal(path) ? path! : "/";

    // "//host" and "/\host" are other sites to a browser; control characters are dropped by it before it looks.
    private static bool IsLocal(string? path) =>
        path is ['/', ..] and not ['/', '/' or '\\', ..] && !path.Any(char.IsControl);
}
