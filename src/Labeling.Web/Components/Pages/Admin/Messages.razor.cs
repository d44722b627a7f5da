using Labeling.Web.Features.Messages;
using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Admin;

public sealed partial class Messages
{
    private IReadOnlyList<FailedMessage>? _failed;
    private IReadOnlyList<OutboxMessage> _unpublished = [];
    private IReadOnlyList<(string Type, int Count)> _setAside = [];
    private int _pending;
    private string? _notice;

    [Inject]
    public required FailedMessages Failed { get; init; }

    protected override Task OnInitializedAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        _failed = await Failed.ListAsync();
        _setAside = await Failed.SetAsideAsync();
        _unpublished = await Failed.UnpublishedAsync();
        _pending = await Failed.PendingAsync();
    }

    private async Task ReplayAsync(FailedMessage message)
    {
        _notice = await Failed.ReplayAsync(message)
            ? $"{message.Type} is delivered once more. If it fails again, it comes back here."
            : "This message is not set aside any more.";
        await LoadAsync();
    }

    private async Task ReplayAllAsync(string type)
    {
        var count = await Failed.ReplayAllAsync(type);
        _notice = $"{count} × {type}: delivered once more. What fails again comes back here.";
        await LoadAsync();
    }

    private async Task DiscardAsync(FailedMessage message)
    {
        _notice = await Failed.DiscardAsync(message) ? $"{message.Type} is forgotten." : "This message is not set aside any more.";
        await LoadAsync();
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
