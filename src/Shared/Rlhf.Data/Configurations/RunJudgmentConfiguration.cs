using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class RunJudgmentConfiguration : IEntityTypeConfiguration<RunJudgment>
{
    public void Configure(EntityTypeBuilder<RunJudgment> builder)
    {
        builder.ToTable("RunJudgments");
        builder.HasKey(r => new { r.RunId, r.JudgmentId });
        builder.HasOne<Run>().WithMany().HasForeignKey(r => r.RunId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Judgment>().WithMany().HasForeignKey(r => r.JudgmentId).OnDelete(DeleteBehavior.Restrict);
    }
}
