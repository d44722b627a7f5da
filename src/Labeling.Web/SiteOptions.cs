using System.ComponentModel.DataAnnotations;

namespace Labeling.Web;

/// <summary>Section "Site": how the site is reached.</summary>
public sealed class SiteOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Site";

    /// <summary>The address in people's browsers, for the links that the site prints; where it listens by default, which behind a proxy or in a container is another.</summary>
    [Url(ErrorMessage = "Site:PublicUrl must be an address such as https://labels.example.org.")]
    public string? PublicUrl { get; set; }
}
