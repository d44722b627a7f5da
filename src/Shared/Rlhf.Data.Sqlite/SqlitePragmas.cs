using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Rlhf.Data.Sqlite;

/// <summary>
/// Settings every connection starts with. SQLite's own busy handler waits in steps of 1 to 100 ms where the .NET provider would sleep 150 ms;
/// <c>synchronous=NORMAL</c> never corrupts in write-ahead mode and loses at most the last commits, and only with the power, not with the process.
/// </summary>
public sealed class SqlitePragmas : DbConnectionInterceptor
{
    private const string Pragmas = "PRAGMA busy_timeout=10000; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;";

    /// <inheritdoc/>
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        command.ExecuteNonQuery();
    }

    /// <inheritdoc/>
    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
