using Microsoft.AspNetCore.Antiforgery;

namespace Labeling.Web.Security;

/// <summary>Makes the antiforgery middleware check an endpoint that binds no form.</summary>
internal sealed class RequiresAntiforgery : IAntiforgeryMetadata
{
    public bool RequiresValidation => true;
}
