using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class CycleConfiguration : IEntityTypeConfiguration<Cycle>
{
    public void Configure(EntityTypeBuilder<Cycle> builder)
    {
        builder.ToTable("Cycles");
        builder.Property(c => c.Id).ValueGeneratedNever();
        builder.Property(c => c.Status).HasMaxLength(20);
        builder.Property(c => c.NextStage).HasMaxLength(20);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(c => c.PolicyCheckpointId).OnDelete(DeleteBehavior.Restrict);
        builder.HasIndex(c => new { c.ProjectId, c.Number }).IsUnique();
        builder.HasIndex(c => new { c.ProjectId, c.Status });
        builder.HasOne<Project>().WithMany().HasForeignKey(c => c.ProjectId).OnDelete(DeleteBehavior.Restrict);
    }
}
