using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rlhf.Cli.AllInOne;
using Rlhf.Cli.Backup;
using Rlhf.Contracts.Training;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;
using Rlhf.Training.Publishing;

namespace Rlhf.Cli.Tests;

public sealed class BackupTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2025, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("rlhf-backup-").FullName;
    private IHost _host = null!;
    private Run _run = null!;

    private string Data => Path.Combine(_folder, "data");

    private string Copy => Path.Combine(_folder, "copy");

    private string Restored => Path.Combine(_folder, "restored");

    // A project with a policy, a run with two states, and a key: everything a data directory has.
    public async ValueTask InitializeAsync()
    {
        _host = BuildHost(Data);
        await _host.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
        var model = Directory.CreateDirectory(Path.Combine(_folder, "model", "sub")).Parent!.FullName;
        await File.WriteAllTextAsync(Path.Combine(model, "model.safetensors"), "weights");
        await File.WriteAllTextAsync(Path.Combine(model, "sub", "config.json"), "{}");
        var (project, prompts) = DemoProjects.Interactive();
        var id = await _host.Services.GetRequiredService<ProjectSeeder>().CreateAsync(project, prompts, model, TestContext.Current.CancellationToken);
        await using var db = await ContextAsync(_host);
        _run = new Run { ProjectId = id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7(), Seed = 1, Status = RunStatuses.Running, Step = 4, ConfigJson = "{}" };
        var done = new Run { ProjectId = id, Kind = RunKinds.Ppo, CommandId = Guid.CreateVersion7(), Seed = 1, Status = RunStatuses.Completed, Step = 4, ConfigJson = "{}" };
        db.Runs.AddRange(_run, done);
        await db.SaveChangesAsync();
        foreach (var state in (string[])[$"{_run.Id}/state-000000002", $"{_run.Id}/state-000000004", $"{_run.Id}/.state-000000006.partial", $"{done.Id}/state-000000004"])
        {
            var directory = Directory.CreateDirectory(Path.Combine(Data, "runs", state)).FullName;
            await File.WriteAllTextAsync(Path.Combine(directory, "state.json"), state);
        }

        Directory.CreateDirectory(Path.Combine(Data, "keys"));
        await File.WriteAllTextAsync(Path.Combine(Data, "keys", "key-1.xml"), "<key/>");
    }

    public ValueTask DisposeAsync()
    {
        _host.Dispose();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Backup_WhileWritesGoOn_RestoresToEverything()
    {
        using var stop = new CancellationTokenSource();
        var written = 0;
        var begun = new TaskCompletionSource();
        var writer = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await using var db = await ContextAsync(_host);
                db.SetupTokens.Add(new SetupToken { TokenHash = $"token {written}", ExpiresAt = Now });
                await db.SaveChangesAsync(CancellationToken.None);
                written++;
                begun.TrySetResult();
            }
        });
        await begun.Task;
        var before = Volatile.Read(ref written);
        var (_, missing) = new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await writer;
        Assert.Empty(missing);
        _host.Dispose();
        SqliteConnection.ClearAllPools();
        Directory.Delete(Data, recursive: true);

        var manifest = new DataRestore(Copy, Restored).Run(TestContext.Current.CancellationToken);

        Assert.Equal(Now, manifest.CreatedAt);
        Assert.Equal("weights", await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(Restored, "checkpoints"), "model.safetensors", SearchOption.AllDirectories).Single(), TestContext.Current.CancellationToken));
        Assert.Equal("<key/>", await File.ReadAllTextAsync(Path.Combine(Restored, "keys", "key-1.xml"), TestContext.Current.CancellationToken));

        // The newest complete state of the run that is not done, and nothing else.
        Assert.Equal([$"{_run.Id}/state-000000004/state.json"], Directory.GetFiles(Path.Combine(Restored, "runs"), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Path.Combine(Restored, "runs"), f)));
        using var restored = BuildHost(Restored);
        await restored.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(TestContext.Current.CancellationToken);
        await using var check = await ContextAsync(restored);
        var checkpoint = await check.Checkpoints.SingleAsync(TestContext.Current.CancellationToken);
        restored.Services.GetRequiredService<CheckpointStore>().Verify(checkpoint.Path, checkpoint.ContentHash);
        Assert.Equal(4, (await check.Runs.SingleAsync(r => r.Id == _run.Id, TestContext.Current.CancellationToken)).Step);

        // What was committed before the backup is in it; in whole rows, in order.
        var tokens = await check.SetupTokens.Select(t => t.TokenHash).ToListAsync(TestContext.Current.CancellationToken);
        Assert.InRange(tokens.Count, before, written);
        Assert.Equal(Enumerable.Range(0, tokens.Count).Select(i => $"token {i}").Order(StringComparer.Ordinal), tokens.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("rlhf.db", "has another content")]
    [InlineData("keys/key-1.xml", "is missing")]
    [InlineData("checkpoints", "bytes; 7 were backed up")]
    public void Restore_OfADamagedBackup_NamesTheFileAndWritesNothing(string damaged, string fault)
    {
        new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);
        var file = damaged == "checkpoints" ? Directory.GetFiles(Path.Combine(Copy, damaged), "model.safetensors", SearchOption.AllDirectories).Single() : Path.Combine(Copy, damaged);
        switch (damaged)
        {
            case "rlhf.db":
                using (var stream = File.Open(file, FileMode.Open))
                {
                    stream.Position = stream.Length / 2;
                    var value = stream.ReadByte();
                    stream.Position--;
                    stream.WriteByte((byte)(value ^ 1));
                }

                break;
            case "checkpoints":
                File.AppendAllText(file, "more");
                break;
            default:
                File.Delete(file);
                break;
        }

        var exception = Assert.Throws<UserException>(() => new DataRestore(Copy, Restored).Run(TestContext.Current.CancellationToken));

        Assert.Contains(Path.GetFileName(file), exception.Message, StringComparison.Ordinal);
        Assert.Contains(fault, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Restored));
        Assert.Empty(Directory.GetDirectories(_folder, ".*"));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("keys/../../outside")]
    [InlineData("rlhf.db")]
    public void Restore_ManifestWithAHostileOrRepeatedPath_IsRefused(string path)
    {
        new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);
        var file = Path.Combine(Copy, BackupManifest.FileName);
        var manifest = JsonNode.Parse(File.ReadAllText(file))!;
        manifest["files"]!.AsArray().Add(new JsonObject { ["path"] = path, ["size"] = 1, ["sha256"] = "00" });
        File.WriteAllText(file, manifest.ToJsonString());

        var exception = Assert.Throws<UserException>(() => new DataRestore(Copy, Restored).Run(TestContext.Current.CancellationToken));

        Assert.Contains(path, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Restored));
    }

    [Theory]
    [InlineData("schema", "\"99990101000000_Future\"", "newer program")]
    [InlineData("format", "2", "format 2")]
    [InlineData("files", "null", "cannot be read")]
    [InlineData("unknown", "1", "cannot be read")]
    public void Restore_ManifestOfAnotherKind_IsRefused(string key, string value, string fault)
    {
        new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);
        var file = Path.Combine(Copy, BackupManifest.FileName);
        var manifest = JsonNode.Parse(File.ReadAllText(file))!;
        manifest[key] = JsonSerializer.Deserialize<JsonNode>(value);
        File.WriteAllText(file, manifest.ToJsonString());

        var exception = Assert.Throws<UserException>(() => new DataRestore(Copy, Restored).Run(TestContext.Current.CancellationToken));

        Assert.Contains(fault, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Restored));
    }

    [Fact]
    public void NeitherOverwritesAnything()
    {
        Assert.Throws<UserException>(() => new DataBackup(Data, Data).Run(Now, TestContext.Current.CancellationToken));
        new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);
        var exception = Assert.Throws<UserException>(() => new DataRestore(Copy, Data).Run(TestContext.Current.CancellationToken));
        Assert.Contains("--data", exception.Message, StringComparison.Ordinal);
        Assert.Throws<UserException>(() => new DataBackup(Path.Combine(_folder, "nothing"), Restored).Run(Now, TestContext.Current.CancellationToken));
        Assert.Throws<UserException>(() => new DataRestore(Data, Restored).Run(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Backup_ACheckpointThatIsCorruptInTheStore_IsNamedAndLeftOut()
    {
        File.AppendAllText(Directory.GetFiles(Path.Combine(Data, "checkpoints"), "model.safetensors", SearchOption.AllDirectories).Single(), "rot");

        var (manifest, missing) = new DataBackup(Data, Copy).Run(Now, TestContext.Current.CancellationToken);

        Assert.Contains("corrupt", Assert.Single(missing), StringComparison.Ordinal);
        Assert.DoesNotContain(manifest.Files, file => file.Path.StartsWith("checkpoints", StringComparison.Ordinal));
        new DataRestore(Copy, Restored).Run(TestContext.Current.CancellationToken);
    }

    private static IHost BuildHost(string data)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("Storage:DataDirectory", data)]);
        builder.AddRlhfDefaults();
        builder.Services.AddSingleton<CheckpointStore>();
        builder.Services.AddSingleton<ProjectSeeder>();
        return builder.Build();
    }

    private static Task<AppDbContext> ContextAsync(IHost host) => host.Services.GetRequiredService<IDbContextFactory<AppDbContext>>().CreateDbContextAsync();
}
