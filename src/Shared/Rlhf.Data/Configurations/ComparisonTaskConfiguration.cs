using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class ComparisonTaskConfiguration : IEntityTypeConfiguration<ComparisonTask>
{
    public void Configure(EntityTypeBuilder<ComparisonTask> builder)
    {
        builder.ToTable("ComparisonTasks");
        builder.Property(t => t.Id).ValueGeneratedNever();
        builder.Property(t => t.Status).HasMaxLength(20);

        // The order in which annotators get them.
        builder.HasIndex(t => new { t.ProjectId, t.Status, t.Round, t.JudgmentCount, t.Sequence }).IsDescending(false, false, true, true, false)
            .HasDatabaseName("IX_ComparisonTasks_Next");
        builder.HasOne<Run>().WithMany().HasForeignKey(t => t.EvaluationRunId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Project>().WithMany().HasForeignKey(t => t.ProjectId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Prompt>().WithMany().HasForeignKey(t => t.PromptId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Completion>().WithMany().HasForeignKey(t => t.CompletionAId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Completion>().WithMany().HasForeignKey(t => t.CompletionBId).OnDelete(DeleteBehavior.Restrict);
    }
}
