using Labeling.Web.Features.Labeling;
using Labeling.Web.Live;
using Microsoft.AspNetCore.Identity;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;

namespace Labeling.Web.Tests;

/// <summary>A migrated SQLite file, or a PostgreSQL database, with one project, and the labeling service on it.</summary>
internal sealed class LabelingDatabase : IDbContextFactory<AppDbContext>, IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"labeling-{Guid.NewGuid():N}.db");
    private readonly DbContextOptions<AppDbContext> _options;

    public LabelingDatabase(int judgmentsPerTask = 1, double heldOutFraction = 0, string? postgres = null)
    {
        var builder = new DbContextOptionsBuilder<AppDbContext>();
        (postgres is null ? builder.UseRlhfSqlite($"Data Source={_file}") : builder.UseRlhfPostgres(postgres)).UseIdentityModel();
        _options = builder.Options;
        Projects = new ProjectNotifier(NullLogger<ProjectNotifier>.Instance);
        Service = new LabelingService(this, Time, new SkippedTasks(), Projects);
        using var db = CreateDbContext();
        db.Database.Migrate();
        Project = new Project
        {
            Name = "Test", Slug = "test", JudgmentsPerTask = judgmentsPerTask, HeldOutFraction = heldOutFraction, CreatedAt = Time.GetUtcNow(),
        };
        db.Projects.Add(Project);
        db.SaveChanges();
    }

    public ManualTime Time { get; } = new();

    public ProjectNotifier Projects { get; }

    public LabelingService Service { get; }

    public Project Project { get; }

    public AppDbContext CreateDbContext() => new(_options);

    /// <summary>An account that labels in the project.</summary>
    public Guid AddAnnotator(bool member = true)
    {
        using var db = CreateDbContext();
        var user = new AppUser { UserName = $"{Guid.NewGuid():N}@example.org" };
        user.NormalizedUserName = user.UserName.ToUpperInvariant();
        db.Users.Add(user);
        if (member)
        {
            db.ProjectMembers.Add(new ProjectMember { ProjectId = Project.Id, UserId = user.Id });
        }

        db.SaveChanges();
        return user.Id;
    }

    /// <summary>An account with a role, and in no project.</summary>
    public Guid AddUserInRole(string roleName)
    {
        var user = AddAnnotator(member: false);
        using var db = CreateDbContext();
        var role = new IdentityRole<Guid>(roleName) { Id = Guid.NewGuid(), NormalizedName = roleName.ToUpperInvariant() };
        db.Roles.Add(role);
        db.UserRoles.Add(new IdentityUserRole<Guid> { RoleId = role.Id, UserId = user });
        db.SaveChanges();
        return user;
    }

    /// <summary>Tasks with the prompts "prompt 0", "prompt 1", … and the answers "A" and "B" followed by the number.</summary>
    public IReadOnlyList<Guid> AddTasks(int count, int round = 1)
    {
        using var db = CreateDbContext();
        var ids = new List<Guid>();
        for (var i = 0; i < count; i++)
        {
            var prompt = new Prompt { ProjectId = Project.Id, Text = $"prompt {i}", ContentHash = Guid.NewGuid().ToString("N"), Sequence = i };
            var a = new Completion { PromptId = prompt.Id, Text = $"A{i}" };
            var b = new Completion { PromptId = prompt.Id, Text = $"B{i}", Index = 1 };
            var task = new ComparisonTask
            {
                ProjectId = Project.Id, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Round = round, Sequence = i,
            };
            db.AddRange(prompt, a, b, task);
            ids.Add(task.Id);
        }

        db.SaveChanges();
        return ids;
    }

    public T Read<T>(Func<AppDbContext, T> query)
    {
        using var db = CreateDbContext();
        return query(db);
    }

    public void Dispose()
    {
        SqliteConnection.ClearPool(new SqliteConnection($"Data Source={_file}"));
        foreach (var suffix in (string[])["", "-wal", "-shm"])
        {
            File.Delete(_file + suffix);
        }
    }
}
