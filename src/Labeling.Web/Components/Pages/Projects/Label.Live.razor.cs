using Microsoft.Extensions.Logging;
using Rlhf.Data.Entities;
using Labeling.Web.Features.Labeling;

namespace Labeling.Web.Components.Pages.Projects;

// What the page does without being asked, and what it says.
public sealed partial class Label
{
    private string ProgressText => _progress switch
    {
        null => "",
        { Waits: true } p => $"Cycle {p.CycleNumber} waits: the project is paused",
        { CycleStatus: CycleStatuses.RewardModel } p => $"Cycle {p.CycleNumber}: a reward model is training",
        { CycleStatus: CycleStatuses.Ppo } p => $"Cycle {p.CycleNumber}: the policy is training",
        { CycleStatus: CycleStatuses.Sampling } p => $"Cycle {p.CycleNumber}: the new policy is answering prompts",
        { AutoCycle: false } or { Paused: true } => $"{_progress.Collected} of {_progress.Needed} judgments · {(_progress.Paused ? "the project is paused" : "cycles start by hand")}",
        { } p => $"{p.Collected} of {p.Needed} judgments until the next reward model",
    };

    private string EmptyTitle => _progress switch
    {
        { Waits: true } => "The project is paused",
        { CycleStatus: CycleStatuses.RewardModel } => "A reward model is training",
        { CycleStatus: CycleStatuses.Ppo } => "The policy is training",
        { CycleStatus: CycleStatuses.Sampling } => "The new policy is answering prompts",
        _ when _skipped > 0 => "You have been through everything",
        { OpenTasks: > 0 } => "Others are working on what is left",
        _ => "All comparisons are judged",
    };

    private string EmptyText => _progress switch
    {
        { Waits: true } => "Once an engineer resumes it, new comparisons appear here by themselves.",
        { CycleStatus: CycleStatuses.RewardModel } => "It learns from the judgments so far. Then the policy learns from it, and its new answers appear here by themselves.",
        { CycleStatus: CycleStatuses.Ppo } => "It learns from the reward model. Its new answers appear here by themselves as soon as it is done.",
        { CycleStatus: CycleStatuses.Sampling } => "The first comparisons of the new round appear here in a moment, by themselves.",
        { OpenTasks: > 0 } => "If a comparison comes back, it appears here by itself.",
        { AutoCycle: false } or { Paused: true } => "The next cycle is started by an engineer; then new comparisons appear here by themselves.",
        _ => "Thank you. New comparisons appear here by themselves; you can leave this page open.",
    };

    private string ChoiceText => _choice switch
    {
        Side.First => "first is better",
        Side.Second => "second is better",
        _ => "about the same",
    };

    private string SaveState => (_busy && _choice is not null ? "Saving…" : _error is not null ? "Not saved" : _savedOnce ? "Saved ✓" : "")
        + (_keyIgnored ? " · a key pressed meanwhile was ignored" : "");

    private static string Answer(string text) => text.Trim() is { Length: > 0 } trimmed ? trimmed : "(empty answer)";

    private async Task RefreshAsync()
    {
        if (_project is null || _stop.IsCancellationRequested)
        {
            return;
        }

        _progress = await Progress.GetAsync(_project.Id, _annotatorId, _stop.Token);
        if (_current is null && !_busy && _loaded)
        {
            await FetchAsync();
        }

        StateHasChanged();
    }

    private async Task PrefetchAsync()
    {
        try
        {
            if (_desk is not null)
            {
                await _desk.PrefetchAsync(_stop.Token);
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Not needed yet: the next key stroke fetches it, and says so if that fails too.
            Log.PrefetchFailed(Logger, exception, Slug);
        }
    }

    // Renews the leases of a comparison that is being read, and looks for work where a notification may have been missed.
    private async Task KeepAsync()
    {
        using var timer = new PeriodicTimer(s_tick, Time);
        try
        {
            for (var tick = 1; await timer.WaitForNextTickAsync(_stop.Token); tick++)
            {
                var renew = tick % TicksPerRenewal == 0;
                await InvokeAsync(() => TickAsync(renew));
            }
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
    }

    private async Task TickAsync(bool renew)
    {
        try
        {
            if (_current is null)
            {
                await RefreshAsync();
            }
            else if (renew && !_busy && _desk is { } desk && await desk.RenewAsync(_stop.Token))
            {
                _current = desk.Current;
                _note = "That comparison had been given to somebody else meanwhile. Here is the next one.";
                StateHasChanged();
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Log.ActionFailed(Logger, exception, Slug);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1101, LogLevel.Error, "labeling in project {Slug} failed")]
        public static partial void ActionFailed(ILogger logger, Exception exception, string slug);

        [LoggerMessage(1102, LogLevel.Warning, "the next comparison of project {Slug} could not be fetched ahead")]
        public static partial void PrefetchFailed(ILogger logger, Exception exception, string slug);
    }
}
