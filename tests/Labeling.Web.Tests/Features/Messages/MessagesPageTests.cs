using System.Net;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Messages;

public sealed class MessagesPageTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task Page_ShowsWhatWasSetAsideWithItsReasonTimesAttemptsAndBody()
    {
        var first = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        await using (var db = await site.CreateDbContextAsync())
        {
            FailedMessage Failed(string type, DateTimeOffset? setAsideAt) => new()
            {
                MessageId = Guid.CreateVersion7(), Endpoint = "cycle-planner", Type = type, Body = """{"projectId":"<b>1</b>"}""", Attempts = 5,
                Error = "InvalidOperationException: the planner is broken\n   at Planner", FirstFailedAt = first, LastFailedAt = first.AddMinutes(7), SetAsideAt = setAsideAt,
            };
            db.FailedMessages.AddRange(Failed("training.run-failed", first.AddMinutes(7)), Failed("training.run-failed", first.AddMinutes(7)), Failed("training.cancel-run", null));
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        var (client, _) = await site.SignedInAsync(AppRoles.Admin);
        var page = WebUtility.HtmlDecode(await client.GetStringAsync("/admin/messages", TestContext.Current.CancellationToken));

        // Only what is set aside can be replayed; the other one is tried again by itself.
        Assert.Equal(1, Count(page, "Replay all of this type"));
        Assert.Equal((2, 2), (Count(page, ">Replay<"), Count(page, ">Discard<")));
        Assert.Equal(1, Count(page, "is tried again by itself"));
        Assert.Equal(3, Count(page, "5 attempts"));
        Assert.Equal((3, 3), (Count(page, "title=\"2026-01-02 03:04:05 UTC\""), Count(page, "title=\"2026-01-02 03:11:05 UTC\"")));
        Assert.Contains("cycle-planner", page, StringComparison.Ordinal);
        Assert.Contains("the planner is broken", page, StringComparison.Ordinal);
        Assert.Equal(3, Count(page, """{"projectId":"<b>1</b>"}"""));
        Assert.Contains("&lt;b&gt;1", await client.GetStringAsync("/admin/messages", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
