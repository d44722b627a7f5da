using System.Threading.RateLimiting;

namespace Labeling.Web.Security;

/// <summary>
/// Guessing passwords or one-time tokens: twenty form posts a minute and address, enough for an office behind one address.
/// Accounts lock on their own besides; this is against trying one password on many accounts.
/// </summary>
internal static class SignInRateLimit
{
    public const int PostsPerMinute = 20;

    private static readonly string[] s_paths = ["/login", "/setup", "/welcome", "/account/password"];

    public static IServiceCollection AddSignInRateLimit(this IServiceCollection services) => services.AddRateLimiter(options =>
    {
        options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        options.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
            HttpMethods.IsPost(context.Request.Method) && s_paths.Contains(context.Request.Path.Value?.TrimEnd('/'), StringComparer.OrdinalIgnoreCase)
                ? RateLimitPartition.GetFixedWindowLimiter(
                    context.Connection.RemoteIpAddress?.ToString() ?? "unknown",
                    _ => new FixedWindowRateLimiterOptions { PermitLimit = PostsPerMinute, Window = TimeSpan.FromMinutes(1) })
                : RateLimitPartition.GetNoLimiter(""));
    });
}
