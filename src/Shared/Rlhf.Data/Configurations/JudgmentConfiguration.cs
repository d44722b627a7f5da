using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class JudgmentConfiguration : IEntityTypeConfiguration<Judgment>
{
    public void Configure(EntityTypeBuilder<Judgment> builder)
    {
        builder.ToTable("Judgments");
        builder.Property(j => j.Id).ValueGeneratedNever();
        builder.Property(j => j.TraceParent).HasMaxLength(55);
        builder.Property(j => j.Choice).HasMaxLength(20);
        builder.Property(j => j.Source).HasMaxLength(20);
        builder.Property(j => j.Split).HasMaxLength(20);
        // Both columns are null for imported and simulated judgments; nulls are distinct in either database.
        // A retracted judgment stays as a row and its comparison may be judged again, so only standing judgments are unique.
        builder.HasIndex(j => new { j.TaskId, j.AnnotatorId }).IsUnique().HasFilter("\"RetractedAt\" IS NULL");
        builder.HasIndex(j => j.LeaseToken).IsUnique();
        builder.HasIndex(j => new { j.ProjectId, j.CycleId, j.RetractedAt });
        builder.HasIndex(j => new { j.ProjectId, j.CreatedAt });
        builder.HasIndex(j => new { j.AnnotatorId, j.CreatedAt });
        builder.HasOne<ComparisonTask>().WithMany().HasForeignKey(j => j.TaskId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Project>().WithMany().HasForeignKey(j => j.ProjectId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<AppUser>().WithMany().HasForeignKey(j => j.AnnotatorId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Cycle>().WithMany().HasForeignKey(j => j.CycleId).OnDelete(DeleteBehavior.Restrict);
    }
}
