using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Rlhf.EndToEnd.Tests;

/// <summary>An engineer's console: a project made in the browser, paused, stepped stage by stage, and its policy rolled back.</summary>
public sealed partial class SteeringInBrowserTests(BrowserFixture chromium) : IClassFixture<BrowserFixture>
{
    private const float Patience = 180_000;

    [Fact]
    public async Task CreatePauseStepAndRollBack()
    {
        chromium.RequireBrowser();
        using var folder = new TemporaryDirectory();
        await using var rlhf = RlhfProcess.Start("up", "--data", folder["data"], "--urls", "http://127.0.0.1:0");
        var link = (await rlhf.WaitForAsync(SetupLink(), TimeSpan.FromMinutes(2))).Value;
        var site = new Uri(link).GetLeftPart(UriPartial.Authority);
        await using var context = await chromium.Browser.NewContextAsync();
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(60_000);
        await SetUpAsync(page, link);

        // A project of four prompts; everything small.
        await OpenAsync(page, $"{site}/projects/new");
        await page.FillAsync("#name", "Kind words");
        await Expect(page.Locator("#slug")).ToHaveValueAsync("kind-words");
        await page.FillAsync("#prompts", "Thank Ada for the book.\nThank Ben for the lift.\nThank Cleo for dinner.\nThank Dan for the help.");
        await page.FillAsync("#held-out", "0");
        await page.FillAsync("#prompts-per-cycle", "4");
        await ScreenshotAsync(page, "new-project");
        await page.ClickAsync("#create");
        var project = $"{site}/projects/kind-words";
        await page.WaitForURLAsync(project);
        await Expect(page.Locator("#control-state")).ToContainTextAsync("with policy v0");

        await OpenAsync(page, $"{project}?edit=settings");
        await page.FillAsync("#reward-config", """{"epochs": 1, "batch_size": 2}""");
        await page.FillAsync("#ppo-config", """{"updates": 1, "batch_size": 4, "epochs": 1, "max_new_tokens": 8}""");
        await page.FillAsync("#sampling-config", """{"max_new_tokens": 8}""");
        await page.FillAsync("#kl-budget", "1000");
        await page.ClickAsync("#save-settings");
        await Expect(page.Locator("#settings")).ToContainTextAsync("1000 nats per answer");

        // Paused: one judgment is no reason to start, but a step is.
        await page.ClickAsync("#pause");
        await Expect(page.Locator("#resume")).ToBeVisibleAsync();
        await JudgeOneAsync(page, $"{project}/label");
        await OpenAsync(page, project);
        await StepAsync(page, "Cycle 1: the reward-model stage is done, ppo waits.");
        await ScreenshotAsync(page, "project");
        await StepAsync(page, "Cycle 1: the ppo stage is done, sampling waits.");
        await Expect(page.Locator("#cycles")).ToContainTextAsync("Policy v1 published");

        // Back to where it began.
        await OpenAsync(page, $"{project}/checkpoints");
        await Expect(page.Locator("#checkpoints tbody tr")).ToHaveCountAsync(3);
        await ScreenshotAsync(page, "checkpoints");
        await page.ClickAsync("#checkpoints a:text-is('policy v0')");
        await Expect(page.Locator("#descendants")).ToContainTextAsync("policy v1");
        await page.ClickAsync("#roll-back");
        await ScreenshotAsync(page, "checkpoint");
        await page.ClickAsync("#confirm-roll-back");
        await Expect(page.Locator("#note")).ToBeVisibleAsync();
        await OpenAsync(page, project);
        await Expect(page.Locator("body")).ToContainTextAsync("Policy rolled back from v1 to v0, cycle 1 halted", new() { Timeout = Patience });
        await OpenAsync(page, $"{project}/annotators");
        await Expect(page.Locator("#annotators")).ToContainTextAsync("First Administrator");
        await page.ClickAsync("text=Take back…");
        await Expect(page.Locator("#confirm")).ToContainTextAsync("Take back all 1 judgments");
        await ScreenshotAsync(page, "annotators");
    }

    private static async Task StepAsync(IPage page, string until)
    {
        await Expect(page.Locator("#step")).ToBeEnabledAsync();
        await page.ClickAsync("#step");
        try
        {
            await Expect(page.Locator("#control-state")).ToHaveTextAsync(until, new() { Timeout = Patience });
        }
        catch (PlaywrightException exception)
        {
            Assert.Fail($"{exception.Message}\n{await page.InnerTextAsync("main")}");
        }
    }

    private static async Task JudgeOneAsync(IPage page, string label)
    {
        await OpenAsync(page, label);
        await Expect(page.Locator("#comparison")).ToBeVisibleAsync(new() { Timeout = Patience });
        await Expect(page.Locator("#choose-first")).ToBeEnabledAsync();
        await page.ClickAsync("#choose-first");
        await Expect(page.Locator("#save-state")).ToContainTextAsync("Saved");
    }

    private static async Task OpenAsync(IPage page, string address)
    {
        await page.GotoAsync(address);
        await Expect(page.Locator("[data-interactive=true]").First).ToBeVisibleAsync();
    }

    private static async Task SetUpAsync(IPage page, string link)
    {
        await page.GotoAsync(link);
        await page.FillAsync("#name", "First Administrator");
        await page.FillAsync("#email", "first@example.org");
        await page.FillAsync("#password", "a long enough Passphrase 1");
        await page.FillAsync("#repeat", "a long enough Passphrase 1");
        await page.ClickAsync("button[type=submit]");
        await page.WaitForLoadStateAsync(LoadState.NetworkIdle);
    }

    // RLHF_SCREENSHOTS=DIR keeps pictures of the pages, light and dark.
    private static async Task ScreenshotAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("RLHF_SCREENSHOTS") is { Length: > 0 } folder)
        {
            foreach (var scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
            {
                await page.EmulateMediaAsync(new() { ColorScheme = scheme });
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{scheme}.png"), FullPage = true });
            }
        }
    }

    [GeneratedRegex(@"http://\S+/setup\?token=\S+")]
    private static partial Regex SetupLink();
}
