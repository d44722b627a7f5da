using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Rlhf.Data;
using Rlhf.Data.Postgres;
using Rlhf.Data.Sqlite;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Hosting;

/// <summary>Registration of the database.</summary>
public static class DatabaseServices
{
    private static readonly AfterCommit s_afterCommit = new();

    /// <summary>
    /// Registers <see cref="AppDbContext"/> (scoped, and by <see cref="IDbContextFactory{TContext}"/>) and <see cref="DatabaseMigrator"/>
    /// for the provider of the sections "Database" and "Storage".
    /// </summary>
    /// <exception cref="OptionsValidationException">A value is missing or not legal.</exception>
    public static IServiceCollection AddRlhfData(this IServiceCollection services, IConfiguration configuration)
    {
        if (services.Any(s => s.ServiceType == typeof(DatabaseMigrator)))
        {
            return services;
        }

        // Wrong settings stop the registration already: the provider decides which services there are.
        var database = configuration.ReadRlhfOptions(DatabaseOptions.Section, new DatabaseOptions.Validator());
        var storage = configuration.ReadRlhfOptions<StorageOptions>(StorageOptions.Section);
        services.AddSingleton<IValidateOptions<DatabaseOptions>, DatabaseOptions.Validator>();
        services.AddRlhfOptions<DatabaseOptions>(DatabaseOptions.Section);
        services.AddRlhfOptions<StorageOptions>(StorageOptions.Section);

        var connectionString = ConnectionString(database, storage);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<OutboxSignal>();
        services.TryAddSingleton<OutboxSignalInterceptor>();
        services.AddDbContextFactory<AppDbContext>((provider, builder) => builder
            .UseProvider(database.Provider, connectionString)
            .UseIdentityModel(provider)
            .AddInterceptors(provider.GetRequiredService<OutboxSignalInterceptor>(), s_afterCommit));
        services.AddSingleton<DatabaseMigrator>();
        services.TryAddSingleton<DatabaseClock>();
        return services;
    }

    private static DbContextOptionsBuilder UseProvider(this DbContextOptionsBuilder builder, string provider, string connectionString) =>
        provider == DatabaseOptions.Postgres ? builder.UseRlhfPostgres(PostgresDatabase.WithPreparedStatements(connectionString)) : builder.UseRlhfSqlite(connectionString);

    private static string ConnectionString(DatabaseOptions database, StorageOptions storage) =>
        string.IsNullOrWhiteSpace(database.ConnectionString)
            ? $"Data Source={Path.Combine(storage.DataPath, "rlhf.db")}"
            : database.ConnectionString;
}
