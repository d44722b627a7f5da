namespace Rlhf.Data.Entities;

/// <summary>The roles of an account. Every role may do what the ones before it may.</summary>
public static class AppRoles
{
    /// <summary>Labels in the projects it is a member of.</summary>
    public const string Annotator = "annotator";

    /// <summary>Starts, watches and stops runs of every project.</summary>
    public const string Engineer = "engineer";

    /// <summary>Manages accounts.</summary>
    public const string Admin = "admin";

    /// <summary>Every role, weakest first.</summary>
    public static IReadOnlyList<string> All { get; } = [Annotator, Engineer, Admin];
}
