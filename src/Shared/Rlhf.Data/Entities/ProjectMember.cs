namespace Rlhf.Data.Entities;

/// <summary>An annotator may label in a project. Engineers and admins see every project without being members.</summary>
public sealed class ProjectMember
{
    /// <summary>The project.</summary>
    public required Guid ProjectId { get; set; }

    /// <summary>The account.</summary>
    public required Guid UserId { get; set; }
}
