using Microsoft.Extensions.Options;

namespace Labeling.Web.Features.Accounts;

/// <summary>Prints the link for the first administrator where only the operator sees it: on the console.</summary>
public static class SetupAnnouncement
{
    /// <summary>Prints nothing if there already is an administrator. To be called after the server has started, when its address is known.</summary>
    public static async Task AnnounceSetupLinkAsync(this WebApplication app, CancellationToken cancellationToken = default)
    {
        var address = app.Services.GetRequiredService<IOptions<SiteOptions>>().Value.PublicUrl ?? app.Urls.FirstOrDefault()?
            .Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal);
        if (address is not null
            && await app.Services.GetRequiredService<FirstAdministrator>().CreateSetupLinkAsync(new Uri(address), cancellationToken) is { } link)
        {
            // Not the log: logs are collected and kept, and this link makes an administrator.
            Console.WriteLine($"There is no administrator yet. Open this link within {FirstAdministrator.LinkLifetime.TotalHours:0} hours to make one:{Environment.NewLine}  {link}");
        }
    }
}
