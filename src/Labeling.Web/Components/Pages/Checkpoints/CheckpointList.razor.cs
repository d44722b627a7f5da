using System.Globalization;
using Labeling.Web.Features.Checkpoints;
using Labeling.Web.Features.Projects;
using Labeling.Web.Live;
using Microsoft.AspNetCore.Components;
using Rlhf.Data.Entities;

namespace Labeling.Web.Components.Pages.Checkpoints;

public sealed partial class CheckpointList : IDisposable
{
    private Project? _project;
    private IReadOnlyList<CheckpointRow>? _rows;
    private IDisposable? _subscription;

    [Parameter]
    public required string Slug { get; set; }

    [Inject]
    public required ProjectCatalog Projects { get; init; }

    [Inject]
    public required CheckpointCatalog Checkpoints { get; init; }

    [Inject]
    public required ProjectNotifier Notifier { get; init; }

    [Inject]
    public required NavigationManager Navigation { get; init; }

    protected override async Task OnInitializedAsync()
    {
        _project = await Projects.FindAsync(Slug);
        if (_project is null)
        {
            Navigation.NotFound();
            return;
        }

        _rows = await Checkpoints.ListAsync(_project.Id);
        if (RendererInfo.IsInteractive)
        {
            _subscription = Notifier.Subscribe(_project.Id, () => InvokeAsync(async () =>
            {
                _rows = await Checkpoints.ListAsync(_project.Id);
                StateHasChanged();
            }));
        }
    }

    internal static string Size(long bytes) => bytes switch
    {
        < 1024 => $"{bytes} B",
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KB"),
        < 1024 * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):0.#} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024 * 1024):0.##} GB"),
    };

    internal static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;

    public void Dispose() => _subscription?.Dispose();
}
