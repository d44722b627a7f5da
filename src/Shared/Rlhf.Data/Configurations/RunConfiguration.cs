using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class RunConfiguration : IEntityTypeConfiguration<Run>
{
    public void Configure(EntityTypeBuilder<Run> builder)
    {
        builder.ToTable("Runs");
        builder.Property(r => r.Id).ValueGeneratedNever();
        builder.Property(r => r.Kind).HasMaxLength(20);
        builder.Property(r => r.Status).HasMaxLength(20);
        builder.Property(r => r.CodeVersion).HasMaxLength(100);
        builder.Property(r => r.DataHash).HasMaxLength(64);
        builder.Property(r => r.LeaseOwner).HasMaxLength(200);
        builder.Property(r => r.Version).IsConcurrencyToken();
        builder.HasIndex(r => r.CommandId).IsUnique();
        builder.Property(r => r.Device).HasMaxLength(200);
        builder.Property(r => r.TraceParent).HasMaxLength(55);
        builder.HasIndex(r => new { r.Status, r.Priority, r.CreatedAt });
        builder.HasIndex(r => r.Device).IsUnique().HasFilter("\"Status\" = 'running'");
        builder.HasIndex(r => new { r.ProjectId, r.CreatedAt });
        builder.HasOne<Project>().WithMany().HasForeignKey(r => r.ProjectId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Cycle>().WithMany().HasForeignKey(r => r.CycleId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.PolicyCheckpointId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.RewardCheckpointId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.BaselineCheckpointId).OnDelete(DeleteBehavior.Restrict);
    }
}
