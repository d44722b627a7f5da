using System.Globalization;

namespace Rlhf.TestServers;

/// <summary>A virtual host of a broker, for one test.</summary>
public sealed class TestVirtualHost : IAsyncDisposable
{
    private readonly RabbitMqManagement _management;

    internal TestVirtualHost(Uri server, string name, RabbitMqManagement management)
    {
        (Name, _management) = (name, management);
        Uri = new UriBuilder(server) { Path = name }.Uri;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>amqp URI with user, password and virtual host.</summary>
    public Uri Uri { get; }

    /// <summary>Section "Messaging" of a process that uses it.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings => SettingsOf(Uri, Name);

    /// <summary>Names of its queues.</summary>
    public async Task<IReadOnlyList<string>> QueuesAsync() =>
        [.. (await _management.GetAsync($"queues/{Name}?columns=name")).EnumerateArray().Select(queue => queue.GetProperty("name").GetString()!)];

    /// <summary>Removes it with all its queues.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _management.DeleteAsync($"vhosts/{Name}");
        }
        catch (HttpRequestException)
        {
            // The test has stopped its broker.
        }
    }

    internal static IEnumerable<KeyValuePair<string, string?>> SettingsOf(Uri server, string virtualHost) =>
    [
        new("Messaging:Transport", "rabbitmq"),
        new("Messaging:RabbitMq:Host", server.Host),
        new("Messaging:RabbitMq:Port", server.Port.ToString(CultureInfo.InvariantCulture)),
        new("Messaging:RabbitMq:VirtualHost", virtualHost),
        new("Messaging:RabbitMq:User", RabbitMqServer.UserOf(server)),
        new("Messaging:RabbitMq:Password", RabbitMqServer.PasswordOf(server)),
    ];
}
