using Labeling.Web.Features.Labeling;

namespace Labeling.Web.Components.Pages.Projects;

// What the annotator does.
public sealed partial class Label
{
    private async Task ChooseAsync(Side side)
    {
        if (!CanChoose || _helpOpen)
        {
            return;
        }

        var judged = _current;
        _choice = side;
        await RunAsync(
            async desk =>
            {
                var outcome = await desk.SubmitAsync(side, _stop.Token);
                _savedOnce |= outcome is SubmitOutcome.Recorded or SubmitOutcome.AlreadyRecorded;
                _note = outcome is SubmitOutcome.Recorded or SubmitOutcome.AlreadyRecorded
                    ? null
                    : "That comparison had been given to somebody else meanwhile; your judgment was not needed any more.";
            },
            failed: desk => desk.Current == judged ? "The judgment could not be saved." : null);
        if (_error is null)
        {
            _choice = null;
            await PrefetchAsync();
        }
    }

    private Task RetryAsync() => _choice is { } side ? ChooseAsync(side) : Task.CompletedTask;

    private async Task SkipAsync()
    {
        if (CanChoose && !_helpOpen)
        {
            await RunAsync(
                desk => desk.SkipAsync(_stop.Token),
                failed: _ => "The comparison could not be skipped.");
            await PrefetchAsync();
        }
    }

    private async Task UndoAsync()
    {
        if (!_busy && !_helpOpen)
        {
            await RunAsync(
                async desk => _note = await desk.UndoAsync(_stop.Token)
                    ? "Your last judgment is taken back. Judge it again."
                    : "There is nothing to take back: no judgment of the last 10 minutes, or a reward model is already learning from it.",
                failed: _ => "The judgment could not be taken back.");
        }
    }

    private async Task ServeSkippedAsync()
    {
        Labeling.ServeSkippedAgain(_project!.Id, _annotatorId);
        await FetchAsync();
    }

    private async Task FetchAsync()
    {
        await RunAsync(desk => desk.NextAsync(_stop.Token), failed: _ => "No comparison could be fetched; trying again in a moment.");
        _loaded = true;
        StateHasChanged();
        await PrefetchAsync();
    }

    // One action at a time. What fails leaves the page usable and says so.
    private async Task RunAsync(Func<LabelingDesk, Task> action, Func<LabelingDesk, string?> failed)
    {
        if (_desk is not { } desk)
        {
            return;
        }

        _busy = true;
        (_error, _note, _keyIgnored) = (null, null, false);
        StateHasChanged();
        try
        {
            await action(desk);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
        catch (Exception exception)
        {
            Log.ActionFailed(Logger, exception, Slug);
            _error = failed(desk);
        }

        _current = desk.Current;
        if (_current is null)
        {
            _skipped = await Labeling.CountSkippedAsync(_project!.Id, _annotatorId, _stop.Token);
        }

        _busy = false;
        StateHasChanged();
    }
}
