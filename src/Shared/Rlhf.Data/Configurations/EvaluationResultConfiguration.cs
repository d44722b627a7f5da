using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class EvaluationResultConfiguration : IEntityTypeConfiguration<EvaluationResult>
{
    public void Configure(EntityTypeBuilder<EvaluationResult> builder)
    {
        builder.ToTable("EvaluationResults");
        builder.HasKey(r => new { r.RunId, r.Task, r.Variant, r.Metric });
        builder.Property(r => r.Task).HasMaxLength(50);
        builder.Property(r => r.Variant).HasMaxLength(100);
        builder.Property(r => r.Metric).HasMaxLength(50);
        builder.HasIndex(r => r.CheckpointId);
        builder.HasOne<Run>().WithMany().HasForeignKey(r => r.RunId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.CheckpointId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Checkpoint>().WithMany().HasForeignKey(r => r.BaselineCheckpointId).OnDelete(DeleteBehavior.Restrict);
    }
}
