using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class PromptConfiguration : IEntityTypeConfiguration<Prompt>
{
    public void Configure(EntityTypeBuilder<Prompt> builder)
    {
        builder.ToTable("Prompts");
        builder.Property(p => p.Id).ValueGeneratedNever();
        builder.Property(p => p.Split).HasMaxLength(20);
        builder.Property(p => p.Family).HasMaxLength(100);
        builder.Property(p => p.ContentHash).HasMaxLength(64);
        builder.HasIndex(p => new { p.ProjectId, p.ContentHash }).IsUnique();
        builder.HasIndex(p => new { p.ProjectId, p.Sequence });
        builder.HasOne<Project>().WithMany().HasForeignKey(p => p.ProjectId).OnDelete(DeleteBehavior.Restrict);
    }
}
