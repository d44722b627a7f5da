using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class TaskLeaseConfiguration : IEntityTypeConfiguration<TaskLease>
{
    public void Configure(EntityTypeBuilder<TaskLease> builder)
    {
        builder.ToTable("TaskLeases");
        builder.HasKey(l => new { l.TaskId, l.Slot });
        builder.HasIndex(l => new { l.TaskId, l.AnnotatorId }).IsUnique();
        builder.HasIndex(l => l.AnnotatorId);
        builder.HasIndex(l => l.Token).IsUnique();
        builder.HasOne<ComparisonTask>().WithMany().HasForeignKey(l => l.TaskId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<AppUser>().WithMany().HasForeignKey(l => l.AnnotatorId).OnDelete(DeleteBehavior.Cascade);
    }
}
