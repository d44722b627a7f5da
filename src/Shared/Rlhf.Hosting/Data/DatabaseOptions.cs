using Microsoft.Extensions.Options;

namespace Rlhf.Hosting;

/// <summary>Section "Database": which database holds everything.</summary>
public sealed class DatabaseOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Database";

    /// <summary>One file, one process.</summary>
    public const string Sqlite = "sqlite";

    /// <summary>A server, several processes.</summary>
    public const string Postgres = "postgres";

    /// <summary>"sqlite" (default) or "postgres".</summary>
    public string Provider { get; set; } = Sqlite;

    /// <summary>Connection string; with SQLite it may be left out for a file in the data directory.</summary>
    public string? ConnectionString { get; set; }

    internal sealed class Validator : IValidateOptions<DatabaseOptions>
    {
        public ValidateOptionsResult Validate(string? name, DatabaseOptions options)
        {
            List<string> failures = [];
            if (options.Provider is not (Sqlite or Postgres))
            {
                failures.Add($"Database:Provider is '{options.Provider}'; legal values: {Sqlite}, {Postgres}.");
            }

            if (options.Provider == Postgres && string.IsNullOrWhiteSpace(options.ConnectionString))
            {
                failures.Add("Database:ConnectionString is missing; with Database:Provider = postgres it is required, for example 'Host=db;Database=rlhf;Username=rlhf;Password=…'.");
            }

            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}
