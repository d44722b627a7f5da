using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Entities;

namespace Rlhf.Data;

/// <summary>The one database: labels, runs, checkpoints, accounts and the messages about them.</summary>
public sealed class AppDbContext(DbContextOptions<AppDbContext> options) : IdentityDbContext<AppUser, IdentityRole<Guid>, Guid>(options)
{
    /// <summary>Projects.</summary>
    public DbSet<Project> Projects => Set<Project>();

    /// <summary>Which annotators may label in which project.</summary>
    public DbSet<ProjectMember> ProjectMembers => Set<ProjectMember>();

    /// <summary>Prompts.</summary>
    public DbSet<Prompt> Prompts => Set<Prompt>();

    /// <summary>Completions.</summary>
    public DbSet<Completion> Completions => Set<Completion>();

    /// <summary>Comparison tasks.</summary>
    public DbSet<ComparisonTask> ComparisonTasks => Set<ComparisonTask>();

    /// <summary>Who is looking at which comparison task.</summary>
    public DbSet<TaskLease> TaskLeases => Set<TaskLease>();

    /// <summary>Judgments.</summary>
    public DbSet<Judgment> Judgments => Set<Judgment>();

    /// <summary>Cycles.</summary>
    public DbSet<Cycle> Cycles => Set<Cycle>();

    /// <summary>The planner's decisions.</summary>
    public DbSet<CycleDecision> CycleDecisions => Set<CycleDecision>();

    /// <summary>Runs.</summary>
    public DbSet<Run> Runs => Set<Run>();

    /// <summary>Which judgments a run trained on.</summary>
    public DbSet<RunJudgment> RunJudgments => Set<RunJudgment>();

    /// <summary>Learning curves.</summary>
    public DbSet<MetricPoint> Metrics => Set<MetricPoint>();

    /// <summary>What evaluations measured.</summary>
    public DbSet<EvaluationResult> EvaluationResults => Set<EvaluationResult>();

    /// <summary>Published checkpoints.</summary>
    public DbSet<Checkpoint> Checkpoints => Set<Checkpoint>();

    /// <summary>Keys for the HTTP API.</summary>
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    /// <summary>Tokens that let the first account be made.</summary>
    public DbSet<SetupToken> SetupTokens => Set<SetupToken>();

    /// <summary>Messages to publish; add through <see cref="OutboxWriter"/>.</summary>
    public DbSet<OutboxMessage> Outbox => Set<OutboxMessage>();

    /// <summary>Messages handled.</summary>
    public DbSet<InboxMessage> Inbox => Set<InboxMessage>();

    /// <summary>Messages an endpoint could not handle.</summary>
    public DbSet<FailedMessage> FailedMessages => Set<FailedMessage>();

    /// <inheritdoc/>
    public override int SaveChanges(bool acceptAllChangesOnSuccess)
    {
        CountVersions();
        return base.SaveChanges(acceptAllChangesOnSuccess);
    }

    /// <inheritdoc/>
    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        CountVersions();
        return base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        base.ConfigureConventions(configurationBuilder);
        var times = configurationBuilder.Properties<DateTimeOffset>();
        if (Database.ProviderName!.EndsWith("Sqlite", StringComparison.Ordinal))
        {
            times.HaveConversion<UtcTicksConverter>();
        }
        else
        {
            times.HaveConversion<UtcOffsetConverter>();
        }
    }

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(AppDbContext).Assembly);
    }

    // The original value stays what was read, and the update is conditional on it; a save that is repeated counts again from there.
    private void CountVersions()
    {
        foreach (var entry in ChangeTracker.Entries<IVersioned>())
        {
            if (entry.State == EntityState.Modified)
            {
                entry.Entity.Version = entry.Property(e => e.Version).OriginalValue + 1;
            }
        }
    }
}
