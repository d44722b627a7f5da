using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Rlhf.Data;

/// <summary>
/// Identity builds its part of the model from the <see cref="IdentityOptions"/> of the application that owns the context. A worker, a test or
/// the migration tool without the web site's options would get another model and refuse to migrate; so every context gets these options, and no others.
/// </summary>
public static class IdentityModel
{
    private static readonly IOptions<IdentityOptions> s_options = Options.Create(CreateOptions());

    /// <summary>Fixes the Identity part of the model; the application's services stay reachable behind it.</summary>
    /// <param name="builder">The options of an <see cref="AppDbContext"/>.</param>
    /// <param name="services">The application's services, or null outside an application.</param>
    public static DbContextOptionsBuilder UseIdentityModel(this DbContextOptionsBuilder builder, IServiceProvider? services = null) =>
        builder.UseApplicationServiceProvider(new FixedIdentityOptions(services));

    private static IdentityOptions CreateOptions()
    {
        var options = new IdentityOptions();
        options.Stores.SchemaVersion = IdentitySchemaVersions.Version2;
        return options;
    }

    private sealed class FixedIdentityOptions(IServiceProvider? services) : IServiceProvider
    {
        public object? GetService(Type serviceType) =>
            serviceType == typeof(IOptions<IdentityOptions>) ? s_options : services?.GetService(serviceType);
    }
}
