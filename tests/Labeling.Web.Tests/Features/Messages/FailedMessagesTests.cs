using Labeling.Web.Features.Messages;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rlhf.Contracts.Labeling;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Messaging;
using Rlhf.TestServers;

namespace Labeling.Web.Tests.Features.Messages;

/// <summary>What the page Messages offers, from a consumer that breaks to its repair, with either transport.</summary>
public sealed class FailedMessagesTests
{
    public static TheoryData<string> Stacks => TestStack.Names;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Stacks))]
    public async Task SetAside_ReplayedTogetherOneByOneOrDiscarded(string name)
    {
        await using var stack = await TestStack.CreateAsync(name);
        var project = await stack.Database.AddProjectAsync();
        var repair = new Repair();
        using var host = Host(stack, repair);
        await host.StartAsync(Stop);
        var messages = host.Services.GetRequiredService<FailedMessages>();
        await SendAsync(stack.Database, project, 4);
        await Eventually.TrueAsync(async () => (await messages.SetAsideAsync(Stop)).SequenceEqual([("labeling.prompts-imported", 4)]), "four messages are set aside");

        var listed = await messages.ListAsync(Stop);
        Assert.All(listed, m =>
        {
            Assert.Equal(("note-import", 2), (m.Endpoint, m.Attempts));
            Assert.Contains("not yet", m.Error, StringComparison.Ordinal);
            Assert.True(m.FirstFailedAt <= m.LastFailedAt && m.LastFailedAt <= m.SetAsideAt);
        });
        Assert.Equal([1, 2, 3, 4], listed.Select(m => Rlhf.Contracts.MessageJson.Deserialize(m.Body, typeof(PromptsImported))).Cast<PromptsImported>().Select(m => m.Count).Order());

        // One is forgotten, one replayed, then the rest of the type.
        repair.IsDone = true;
        var byCount = listed.OrderBy(m => m.OutboxId).ToArray();
        Assert.True(await messages.DiscardAsync(byCount[1], Stop));
        Assert.False(await messages.ReplayAsync(byCount[1], Stop));
        Assert.True(await messages.ReplayAsync(byCount[3], Stop));
        await EffectsAsync(stack.Database, [4]);
        Assert.Equal(2, await messages.ReplayAllAsync("labeling.prompts-imported", Stop));
        Assert.Equal(0, await messages.ReplayAllAsync("labeling.prompts-imported", Stop));
        await EffectsAsync(stack.Database, [1, 3, 4]);
        Assert.Empty(await messages.ListAsync(Stop));
        await Eventually.TrueAsync(async () => await messages.PendingAsync(Stop) == 0, "the outbox is empty");
        await host.StopAsync(CancellationToken.None);
    }

    private static IHost Host(TestStack stack, Repair repair)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([.. stack.Settings, new("Messaging:RetryDelay", "00:00:00.020"), new("Messaging:PollInterval", "00:00:00.050"), new("Messaging:MaxAttempts", "2")]);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddSingleton(repair);
        builder.Services.AddSingleton<FailedMessages>();
        builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddConsumer<NoteImportConsumer>());
        return builder.Build();
    }

    private static async Task SendAsync(TestDatabase database, Project project, int count)
    {
        await using var db = database.CreateDbContext();
        for (var i = 1; i <= count; i++)
        {
            OutboxWriter.Add(db, new PromptsImported { ProjectId = project.Id, Count = i });
            await db.SaveChangesAsync(Stop);
        }
    }

    private static Task EffectsAsync(TestDatabase database, int[] counts) => Eventually.TrueAsync(
        async () =>
        {
            await using var db = database.CreateDbContext();
            return (await db.CycleDecisions.Select(d => d.Decision).ToListAsync(Stop)).Order(StringComparer.Ordinal).SequenceEqual(counts.Select(c => $"imported {c}"));
        },
        $"the effects are {string.Join(", ", counts)}");

    internal sealed class Repair
    {
        public bool IsDone { get; set; }
    }

    internal sealed class NoteImportConsumer(AppDbContext db, Repair repair) : IConsumer<PromptsImported>
    {
        public async Task Consume(ConsumeContext<PromptsImported> context)
        {
            if (!repair.IsDone)
            {
                throw new InvalidOperationException("not yet");
            }

            db.CycleDecisions.Add(new CycleDecision { ProjectId = context.Message.ProjectId, Decision = $"imported {context.Message.Count}" });
            await db.SaveChangesAsync(context.CancellationToken);
        }
    }
}
