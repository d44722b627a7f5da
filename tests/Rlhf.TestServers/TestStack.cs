namespace Rlhf.TestServers;

/// <summary>
/// A database and a transport that belong together, empty, for one test: "embedded" (SQLite, in-memory transport) or "distributed" (PostgreSQL, RabbitMQ).
/// A test takes the name as a theory's argument and so holds on both.
/// </summary>
public sealed class TestStack : IAsyncDisposable
{
    /// <summary>SQLite and the in-memory transport.</summary>
    public const string Embedded = "embedded";

    /// <summary>PostgreSQL and RabbitMQ.</summary>
    public const string Distributed = "distributed";

    private TestStack(string name, TestDatabase database, TestVirtualHost? broker) => (Name, Database, Broker) = (name, database, broker);

    /// <summary>Both; tests of the second are skipped, with the reason, where a server is missing.</summary>
    public static TheoryData<string> Names => [Embedded, Distributed];

    /// <summary>Which of the two.</summary>
    public string Name { get; }

    /// <summary>The database.</summary>
    public TestDatabase Database { get; }

    /// <summary>The virtual host on the broker; null with the in-memory transport.</summary>
    public TestVirtualHost? Broker { get; }

    /// <summary>Sections "Database" and "Messaging" of a process that uses it.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings => [.. Database.Settings, .. Broker?.Settings ?? []];

    /// <summary>Makes one.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="migrate">Whether the database has its tables.</param>
    public static async Task<TestStack> CreateAsync(string name, bool migrate = true)
    {
        var broker = name switch
        {
            Embedded => null,
            Distributed => await (await RabbitMqServer.GetAsync()).CreateVirtualHostAsync(),
            _ => throw new ArgumentException($"Stack '{name}' is unknown; legal values: {Embedded}, {Distributed}.", nameof(name)),
        };
        return new TestStack(name, await TestDatabase.CreateAsync(broker is null ? "sqlite" : "postgres", migrate), broker);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        if (Broker is not null)
        {
            await Broker.DisposeAsync();
        }
    }
}
