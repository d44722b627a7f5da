using Microsoft.EntityFrameworkCore;
using Rlhf.Data.Entities;
using Rlhf.TestServers;

namespace Rlhf.Data.Tests;

/// <summary>PostgreSQL refuses U+0000 in text: what a model or an import brings is stored all the same, alike on both databases.</summary>
public sealed class NulCharactersTests
{
    public static TheoryData<string> Providers => TestDatabase.Providers;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task Insert_Update_AndLookUp_StoreTheReplacementCharacter(string provider)
    {
        await using var database = await TestDatabase.CreateAsync(provider);
        var project = await database.AddProjectAsync();
        await using var db = database.CreateDbContext();
        var prompt = new Prompt { ProjectId = project.Id, Text = "\0", ContentHash = "1", CreatedAt = DateTimeOffset.UtcNow };
        db.Add(prompt);
        db.Add(new Completion { PromptId = prompt.Id, Text = "one\0two\0", CreatedAt = DateTimeOffset.UtcNow });
        await db.SaveChangesAsync(Stop);

        Assert.Equal("\uFFFD", await db.Prompts.AsNoTracking().Select(p => p.Text).SingleAsync(Stop));
        Assert.Equal("one\uFFFDtwo\uFFFD", await db.Completions.AsNoTracking().Select(c => c.Text).SingleAsync(Stop));

        // As the reason of a failed run is stored.
        var reason = "token '\0' is unexpected";
        await db.Prompts.ExecuteUpdateAsync(set => set.SetProperty(p => p.Text, reason), Stop);
        Assert.Equal("token '\uFFFD' is unexpected", await db.Prompts.AsNoTracking().Select(p => p.Text).SingleAsync(Stop));
        Assert.Equal(1, await db.Prompts.CountAsync(p => p.Text == reason, Stop));
    }
}
