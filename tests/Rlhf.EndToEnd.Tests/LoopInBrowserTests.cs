using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Rlhf.EndToEnd.Tests;

/// <summary>What a new user sees: one command, one link, and from then on only the keys 1, 2 and 0; the loop turns by itself.</summary>
public sealed partial class LoopInBrowserTests(BrowserFixture chromium) : IClassFixture<BrowserFixture>
{
    private const string Email = "first@example.org";
    private const string Password = "a long enough Passphrase 1";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    [Fact]
    public async Task ADayInTheLoop()
    {
        chromium.RequireBrowser();
        using var folder = new TemporaryDirectory();
        string label;
        await using (var rlhf = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0"))
        {
            // The first administrator sets a password by the one-time link.
            var link = (await rlhf.WaitForAsync(SetupLink(), TimeSpan.FromMinutes(1))).Value;
            var site = new Uri(link).GetLeftPart(UriPartial.Authority);
            await using var context = await chromium.Browser.NewContextAsync();
            var page = await context.NewPageAsync();
            var faults = Watch(page);
            await SetUpAsync(page, link);

            label = $"{site}/projects/demo/label";
            await TurnTheLoopAsync(page, site);
            Assert.Empty(faults);

            rlhf.Interrupt();
            Assert.Equal(0, await rlhf.ExitAsync(TimeSpan.FromMinutes(1)));
        }

        // Started again, everything is still there: the account, the comparisons, the second policy.
        await using var again = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0");
        var address = (await again.WaitForAsync(Address(), TimeSpan.FromMinutes(1))).Groups["url"].Value;
        Assert.DoesNotContain("one-time link", again.Output, StringComparison.Ordinal);
        await using var second = await chromium.Browser.NewContextAsync();
        var returning = await second.NewPageAsync();
        await returning.GotoAsync($"{address}/projects/demo/label");
        await SignInIfAskedAsync(returning);
        await ExpectComparisonAsync(returning, again);
        using var http = new HttpClient();
        Assert.True((await http.GetAsync(new Uri($"{address}/health/live"))).IsSuccessStatusCode);
        Assert.True((await http.GetAsync(new Uri($"{address}/health/ready"))).IsSuccessStatusCode);
    }

    // Containers, or any other system that has just been started: RLHF_E2E_SETUP_LINK is the one-time link from its log (docs/guides/docker.md).
    [Fact]
    public async Task ADeployedSystem_TurnsTheLoop()
    {
        var link = Environment.GetEnvironmentVariable("RLHF_E2E_SETUP_LINK");
        Assert.SkipUnless(link is { Length: > 0 }, "RLHF_E2E_SETUP_LINK names no system to test");
        chromium.RequireBrowser();
        await using var context = await chromium.Browser.NewContextAsync();
        var page = await context.NewPageAsync();
        var faults = Watch(page);
        await SetUpAsync(page, link);
        await TurnTheLoopAsync(page, new Uri(link).GetLeftPart(UriPartial.Authority));
        Assert.Empty(faults);
    }

    // Twelve comparisons; the reward model, then PPO, start by themselves; then there are comparisons of the new policy's answers.
    private static async Task TurnTheLoopAsync(IPage page, string site)
    {
        // Comparing: one key each, the next comparison at once, until the reward model starts by itself.
        var label = $"{site}/projects/demo/label";
        await page.GotoAsync(label);
        await Expect(page.Locator("[data-interactive=true]").First).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await Expect(page.Locator("#comparison")).ToBeVisibleAsync(new() { Timeout = 120_000 });
        await SaveScreenshotAsync(page, "compare.png");
        string[] keys = ["1", "2", "0"];
        for (var i = 0; i < 12; i++)
        {
            var task = await page.GetAttributeAsync("#comparison", "data-task");
            // The keys are listened to once the script is there and nothing is being saved: until then a press is no choice, so it is repeated.
            var answered = page.Locator($"#comparison[data-task='{task}']");
            for (var attempt = 0; await answered.CountAsync() > 0; attempt++)
            {
                Assert.True(attempt < 6, $"comparison {i} did not take a choice");
                await Expect(page.Locator("#choose-second")).ToBeEnabledAsync(new() { Timeout = 30_000 });
                await (i == 5 ? page.ClickAsync("#choose-second") : page.Keyboard.PressAsync(keys[i % 2]));
                try
                {
                    await Expect(answered).ToHaveCountAsync(0, new() { Timeout = 5_000 });
                }
                catch (PlaywrightException)
                {
                    // Not taken.
                }
            }
        }

        // The reward model's run, live; then PPO's.
        await WatchRunAsync(page, site, "reward-model", "reward/accuracy");
        await WatchRunAsync(page, site, "ppo", "objective/kl");

        // New answers from the new policy are there to compare, without a click.
        await page.GotoAsync($"{site}/projects/demo");
        await Expect(page.GetByText("completed").First).ToBeVisibleAsync(new() { Timeout = (float)Patience.TotalMilliseconds });
        await page.GotoAsync(label);
        await Expect(page.Locator("#comparison")).ToBeVisibleAsync(new() { Timeout = 60_000 });
    }

    // A page that fails says so in the process's log: the message carries it.
    private static async Task ExpectComparisonAsync(IPage page, RlhfProcess rlhf)
    {
        try
        {
            await Expect(page.Locator("#comparison")).ToBeVisibleAsync(new() { Timeout = 60_000 });
        }
        catch (PlaywrightException exception)
        {
            Assert.Fail($"{page.Url}: {exception.Message}\n{rlhf.Output}\n{rlhf.Error}");
        }
    }

    [Fact]
    public async Task ReturningAfterARestart_SignsInAndSeesTheSameComparison()
    {
        chromium.RequireBrowser();
        using var folder = new TemporaryDirectory();
        string? task;
        await using (var rlhf = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0"))
        {
            var link = (await rlhf.WaitForAsync(SetupLink(), TimeSpan.FromMinutes(1))).Value;
            await using var context = await chromium.Browser.NewContextAsync();
            var page = await context.NewPageAsync();
            await SetUpAsync(page, link);
            await page.GotoAsync($"{new Uri(link).GetLeftPart(UriPartial.Authority)}/projects/demo/label");
            await Expect(page.Locator("#comparison")).ToBeVisibleAsync(new() { Timeout = 120_000 });
            task = await page.GetAttributeAsync("#comparison", "data-task");
            rlhf.Interrupt();
            Assert.Equal(0, await rlhf.ExitAsync(TimeSpan.FromMinutes(1)));
        }

        await using var again = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0");
        var address = (await again.WaitForAsync(Address(), TimeSpan.FromMinutes(1))).Groups["url"].Value;
        await using var second = await chromium.Browser.NewContextAsync();
        var returning = await second.NewPageAsync();
        await returning.GotoAsync($"{address}/projects/demo/label");
        await SignInIfAskedAsync(returning);
        await ExpectComparisonAsync(returning, again);
        Assert.Equal(task, await returning.GetAttributeAsync("#comparison", "data-task"));
    }

    private static async Task SetUpAsync(IPage page, string link)
    {
        await page.GotoAsync(link);
        await page.FillAsync("#name", "First Administrator");
        await page.FillAsync("#email", Email);
        await page.FillAsync("#password", Password);
        await page.FillAsync("#repeat", Password);
        await page.ClickAsync("button[type=submit]");
        await SignInIfAskedAsync(page);
    }

    private static async Task WatchRunAsync(IPage page, string site, string kind, string metric)
    {
        // The list has a row for the run as soon as it is queued.
        var row = page.Locator("a[href^='runs/']").First;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        do
        {
            Assert.True(clock.Elapsed < Patience, $"no {kind} run was started");
            await page.GotoAsync($"{site}/runs?kind={kind}");
            await Expect(page.Locator("[data-interactive=true]").First).ToBeVisibleAsync(new() { Timeout = 30_000 });
        }
        while (await row.CountAsync() == 0);

        await row.ClickAsync();
        await Expect(page.Locator($".curve[data-metric='{metric}'] canvas").First).ToBeVisibleAsync(new() { Timeout = (float)Patience.TotalMilliseconds });
        await Expect(page.Locator("#run-status")).ToContainTextAsync("completed", new() { Timeout = (float)Patience.TotalMilliseconds });
        await SaveScreenshotAsync(page, $"run-{kind}.png");
    }

    private static async Task SignInIfAskedAsync(IPage page)
    {
        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        if (page.Url.Contains("/login", StringComparison.Ordinal))
        {
            await page.FillAsync("#email", Email);
            await page.FillAsync("#password", Password);
            await page.ClickAsync("button[type=submit]");
        }
    }

    // What the page complains about: script errors, and answers that are errors.
    private static List<string> Watch(IPage page)
    {
        var faults = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                faults.Add(message.Text);
            }
        };
        page.Response += (_, response) =>
        {
            if (response.Status >= 400)
            {
                faults.Add($"{response.Status} {response.Url}");
            }
        };
        return faults;
    }

    // RLHF_SCREENSHOTS=DIR keeps pictures of the pages (the README's come from here).
    private static async Task SaveScreenshotAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("RLHF_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await page.SetViewportSizeAsync(1280, 860);
            await page.ScreenshotAsync(new() { Path = Path.Combine(folder, name) });
        }
    }

    [GeneratedRegex(@"http://\S+/setup\?token=\S+")]
    private static partial Regex SetupLink();

    [GeneratedRegex(@"rlhf is up: (?<url>\S+)")]
    private static partial Regex Address();
}
