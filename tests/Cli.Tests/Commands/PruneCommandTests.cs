using System.CommandLine;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rlhf.Cli;
using Rlhf.Cli.Commands;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Cli.Tests.Commands;

public sealed class PruneCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rlhf-prune-").FullName;

    private string Data => Path.Combine(_folder, "data");

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task DryRun_ThenPrune_RemovesWhatItSaidAndNothingElse()
    {
        // 22 policies of 100 days ago: the newest 20 stay, and of the two others the one that is served.
        var ids = await FillAsync(count: 22);

        var output = await PruneAsync("--dry-run");
        Assert.Contains($"policy 0 ({ids[0]}) stays: project 'p' serves it", output, StringComparison.Ordinal);
        Assert.Contains($"policy 1 ({ids[1]}) would be removed", output, StringComparison.Ordinal);
        Assert.Contains($"policy 21 ({ids[21]}) stays: it is one of the newest 20 of its kind", output, StringComparison.Ordinal);
        Assert.EndsWith("1 of 22 checkpoints would lose their files", output.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(22, Directory.GetDirectories(Path.Combine(Data, "checkpoints")).Length);

        Assert.Equal("1 checkpoints lost their files", (await PruneAsync()).TrimEnd());
        Assert.Equal(21, Directory.GetDirectories(Path.Combine(Data, "checkpoints")).Length);
        Assert.EndsWith("0 of 21 checkpoints would lose their files", (await PruneAsync("--dry-run")).TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DataDirectoryThatIsNotThere_IsRefusedAndNotMade()
    {
        var fault = await Assert.ThrowsAsync<UserException>(() => PruneAsync());
        Assert.Equal($"There is no data directory {Data}.", fault.Message);
        Assert.False(Directory.Exists(Data));
    }

    private async Task<string> PruneAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        var parsed = PruneCommand.Create().Parse(["--data", Data, .. arguments]);
        Assert.Equal(0, await parsed.InvokeAsync(new InvocationConfiguration { Output = output, EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken));
        return output.ToString();
    }

    private async Task<Guid[]> FillAsync(int count)
    {
        var cancel = TestContext.Current.CancellationToken;
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("Storage:DataDirectory", Data)]);
        builder.AddRlhfDefaults();
        builder.Services.AddSingleton<CheckpointStore>();
        using var host = builder.Build();
        Directory.CreateDirectory(Data);
        await host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(cancel);
        await using var db = await host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync(cancel);
        var project = new Project { Name = "p", Slug = "p" };
        db.Projects.Add(project);
        var ids = new Guid[count];
        for (var version = 0; version < count; version++)
        {
            var published = host.Services.GetRequiredService<CheckpointStore>().Publish(directory => File.WriteAllText(Path.Combine(Directory.CreateDirectory(directory).FullName, "model.safetensors"), $"weights {version}"));
            Directory.SetLastWriteTimeUtc(Path.Combine(Data, "checkpoints", published.Path), DateTime.UtcNow.AddDays(-100));
            var checkpoint = new Checkpoint
            {
                ProjectId = project.Id,
                Kind = CheckpointKinds.Policy,
                Version = version,
                Path = published.Path,
                ContentHash = published.ContentHash,
                SizeBytes = 1,
                CreatedAt = DateTimeOffset.UtcNow.AddDays(-100),
            };
            db.Checkpoints.Add(checkpoint);
            ids[version] = checkpoint.Id;
        }

        await db.SaveChangesAsync(cancel);
        project.PolicyCheckpointId = ids[0];
        await db.SaveChangesAsync(cancel);
        return ids;
    }
}
