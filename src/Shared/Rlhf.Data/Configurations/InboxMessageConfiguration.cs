using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Rlhf.Data.Entities;

namespace Rlhf.Data.Configurations;

internal sealed class InboxMessageConfiguration : IEntityTypeConfiguration<InboxMessage>
{
    public void Configure(EntityTypeBuilder<InboxMessage> builder)
    {
        builder.ToTable("Inbox");
        builder.HasKey(m => new { m.MessageId, m.Endpoint });
        builder.Property(m => m.Endpoint).HasMaxLength(200);
        builder.HasIndex(m => m.ReceivedAt);
    }
}
