using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Labeling.Web.Features.Api;

/// <summary>
/// Signs a program in by <c>Authorization: Bearer rlhf_…</c> (RFC 6750, section 2.1). A browser never sends that header by itself, so
/// these requests need no antiforgery token, and the session cookie is not accepted in its place.
/// </summary>
internal sealed class ApiKeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ApiKeys keys, FailedKeyLimit failures, IProblemDetailsService problems)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "ApiKey";

    private const string Bearer = "Bearer ";

    private bool _isRefusedUnseen;

    private string Address => Context.Connection.RemoteIpAddress?.ToString() ?? "unknown";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string? header = Request.Headers.Authorization;
        if (header is null || !header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return AuthenticateResult.NoResult();
        }

        if (failures.IsExhausted(Address))
        {
            _isRefusedUnseen = true;
            return AuthenticateResult.Fail("too many wrong keys");
        }

        if (await keys.FindOwnerAsync(header[Bearer.Length..].Trim(), Context.RequestAborted) is not { } owner)
        {
            failures.Count(Address);
            return AuthenticateResult.Fail("no such key");
        }

        var claims = owner.Roles.Select(r => new Claim(ClaimTypes.Role, r)).Prepend(new Claim(ClaimTypes.NameIdentifier, owner.UserId.ToString()));
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, SchemeName)), SchemeName));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_isRefusedUnseen)
        {
            Response.Headers.RetryAfter = "60";
            await WriteAsync(StatusCodes.Status429TooManyRequests, "Too many requests with a wrong API key came from this address; wait a minute.");
            return;
        }

        Response.Headers.WWWAuthenticate = "Bearer realm=\"rlhf\"";
        await WriteAsync(
            StatusCodes.Status401Unauthorized,
            "Send a good API key in the header 'Authorization: Bearer rlhf_<id>_<secret>'. Keys are made on the page /account/keys; this one is missing, wrong or revoked.");
    }

    private async Task WriteAsync(int status, string detail)
    {
        Response.StatusCode = status;
        await problems.WriteAsync(new ProblemDetailsContext { HttpContext = Context, ProblemDetails = { Status = status, Detail = detail } });
    }
}
