using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class FailedMessageConfiguration : IEntityTypeConfiguration<FailedMessage>
{
    public void Configure(EntityTypeBuilder<FailedMessage> builder)
    {
        builder.ToTable("FailedMessages");
        builder.HasKey(m => new { m.MessageId, m.Endpoint });
        builder.Property(m => m.Endpoint).HasMaxLength(200);
        builder.Property(m => m.Type).HasMaxLength(100);
        builder.Property(m => m.TraceParent).HasMaxLength(55);
        builder.HasIndex(m => new { m.Aggregate, m.Endpoint, m.OutboxId });
        builder.HasIndex(m => m.SetAsideAt);
    }
}
