using Labeling.Web.Components;
using Labeling.Web.Features.Accounts;
using Labeling.Web.Features.Annotators;
using Labeling.Web.Features.Api;
using Labeling.Web.Features.Checkpoints;
using Labeling.Web.Features.Evaluations;
using Labeling.Web.Features.Labeling;
using Labeling.Web.Features.Projects;
using Labeling.Web.Features.Runs;
using Labeling.Web.Live;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Rlhf.Data;
using Rlhf.Data.Entities;
using Rlhf.Hosting;

namespace Labeling.Web;

/// <summary>The labeling site as a part of a process: its own service, or the command line's.</summary>
public static class LabelingWeb
{
    /// <summary>Registers the site. The bus with <see cref="Consumers.LabelingConsumers"/> is registered by the process.</summary>
    public static WebApplicationBuilder AddLabelingWeb(this WebApplicationBuilder builder)
    {
        builder.AddRlhfDefaults();

        // Finds css and scripts when the program runs from its build output too; after a publish they lie in wwwroot and this does nothing.
        builder.WebHost.UseStaticWebAssets();

        // Model output in a form post or a circuit message is text, never a file: far less than the default of 28 MB is enough.
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
        });

        var services = builder.Services;
        services.AddRlhfOptions<SiteOptions>(SiteOptions.Section);

        // Guidelines and pasted prompts are sent in one message of the circuit; the default of 32 KB would end it.
        services.AddRazorComponents().AddInteractiveServerComponents().AddHubOptions(hub => hub.MaximumReceiveMessageSize = 512 * 1024);
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, RevalidatingAuthentication>();
        services.AddAccounts();
        services.AddLabelingFeatures();
        services.AddRlhfOptions<ComparisonSweepOptions>(ComparisonSweepOptions.Section);
        services.AddSingleton<ComparisonSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<ComparisonSweep>());
        services.AddApi();
        services.AddSignInRateLimit();
        services.AddAntiforgery(antiforgery =>
        {
            antiforgery.Cookie.Name = "rlhf.antiforgery";
            antiforgery.Cookie.SameSite = SameSiteMode.Lax;
            antiforgery.Cookie.HttpOnly = true;
            antiforgery.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            antiforgery.SuppressXFrameOptionsHeader = true;
        });

        // The keys of the cookies outlive the process and are shared by its replicas: they lie with the data, readable by the site alone.
        services.AddDataProtection().SetApplicationName("rlhf");
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        // A line per request and per refused page is too much to read.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        services.AddOptions<Microsoft.AspNetCore.DataProtection.KeyManagement.KeyManagementOptions>()
            .Configure<IOptions<StorageOptions>>((keys, storage) => keys.XmlRepository = KeyFolder.Open(storage.Value.DataPath));
        return builder;
    }

    /// <summary>The labeling service and what it needs, without any page: enough for a simulated annotator.</summary>
    public static IServiceCollection AddLabelingFeatures(this IServiceCollection services)
    {
        services.AddSingleton<ProjectNotifier>();
        services.AddSingleton<RunNotifier>();
        services.AddSingleton<SkippedTasks>();
        services.AddSingleton<LabelingService>();
        services.AddSingleton<ProgressQuery>();
        services.AddSingleton<ProjectCatalog>();
        services.AddSingleton<ProjectCreation>();
        services.AddSingleton<CycleControl>();
        services.AddSingleton<CheckpointCatalog>();
        services.AddSingleton<EvaluationCatalog>();
        services.AddSingleton<AnnotatorCatalog>();
        services.AddSingleton<RunCatalog>();
        services.AddSingleton<ProjectAccess>();
        return services;
    }

    /// <summary>Adds the site's middleware and pages. The database must have been migrated.</summary>
    public static WebApplication MapLabelingWeb(this WebApplication app)
    {
        app.UseWhen(IsApi, api => api.UseApiProblems());
        app.UseWhen(context => !IsApi(context), pages => pages
            .UseExceptionHandler("/problem/500", createScopeForErrors: true)
            .UseStatusCodePagesWithReExecute("/problem/{0}", createScopeForStatusCodePages: true));
        app.UseSecurityHeaders();
        app.UseRouting();
        app.UseRateLimiter();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseAntiforgery();
        app.MapStaticAssets().AllowAnonymous();
        app.MapRlhfHealth();
        app.MapApi();
        app.MapEvaluationFiles();
        app.MapPost("/logout", async (HttpContext context, IAntiforgery antiforgery, SignInManager<AppUser> signIn) =>
        {
            // The middleware checks only endpoints that bind a form.
            if (!await antiforgery.IsRequestValidAsync(context))
            {
                return Results.BadRequest();
            }

            await signIn.SignOutAsync();
            return Results.LocalRedirect("/login");
        });

        // The pages' own policy (SecurityHeaders) already forbids framing.
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(options => options.ContentSecurityFrameAncestorsPolicy = null);
        return app;
    }

    private static bool IsApi(HttpContext context) => context.Request.Path.StartsWithSegments(ApiEndpoints.Root, StringComparison.OrdinalIgnoreCase);

    private static void AddAccounts(this IServiceCollection services)
    {
        services.AddAuthentication(IdentityConstants.ApplicationScheme).AddIdentityCookies(cookies => cookies.ApplicationCookie!.Configure(cookie =>
        {
            cookie.Cookie.Name = "rlhf.session";
            cookie.Cookie.HttpOnly = true;
            cookie.Cookie.SameSite = SameSiteMode.Lax;
            cookie.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            cookie.ExpireTimeSpan = TimeSpan.FromDays(7);
            cookie.SlidingExpiration = true;
            cookie.LoginPath = "/login";
            cookie.ReturnUrlParameter = "returnUrl";
            cookie.Events.OnRedirectToAccessDenied = context =>
            {
                context.Response.StatusCode = StatusCodes.Status403Forbidden;
                return Task.CompletedTask;
            };
        }));
        services.AddAuthorization(Policies.AddPolicies);
        services.AddSingleton<IAuthorizationHandler, ProjectAccessHandler>();
        services.AddIdentityCore<AppUser>(identity =>
            {
                identity.User.RequireUniqueEmail = true;
                identity.Password.RequiredLength = Components.Pages.Account.PasswordForm.MinimumLength;
                identity.Password.RequiredUniqueChars = 5;
                identity.Password.RequireDigit = false;
                identity.Password.RequireLowercase = false;
                identity.Password.RequireUppercase = false;
                identity.Password.RequireNonAlphanumeric = false;
                identity.Lockout.MaxFailedAccessAttempts = 5;
                identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(10);
            })
            .AddRoles<IdentityRole<Guid>>()
            .AddEntityFrameworkStores<AppDbContext>()
            .AddClaimsPrincipalFactory<ClaimsFactory>()
            .AddSignInManager()
            .AddDefaultTokenProviders();
        services.Configure<SecurityStampValidatorOptions>(stamp => stamp.ValidationInterval = RevalidatingAuthentication.Interval);
        services.Configure<DataProtectionTokenProviderOptions>(token => token.TokenLifespan = TimeSpan.FromDays(3));
        services.AddScoped<RoleSeed>();
        services.AddSingleton<FirstAdministrator>();
        services.AddSingleton<UserDirectory>();
        services.AddSingleton<Features.Messages.FailedMessages>();
    }
}
