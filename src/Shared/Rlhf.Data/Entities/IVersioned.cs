namespace Rlhf.Data.Entities;

/// <summary>A row with an optimistic concurrency token that <see cref="AppDbContext"/> counts up with every tracked change.</summary>
public interface IVersioned
{
    /// <summary>Number of saved changes; two writers that read the same version cannot both save.</summary>
    long Version { get; set; }
}
