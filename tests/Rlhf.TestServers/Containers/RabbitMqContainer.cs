using Testcontainers.RabbitMq;

namespace Rlhf.TestServers.Containers;

/// <summary>RabbitMQ with its management API from the image of docker-compose.yml; Testcontainers removes it when this process is gone.</summary>
internal static class RabbitMqContainer
{
    private const ushort ManagementPort = 15672;

    public static async Task<(Uri Amqp, Uri Management)> StartAsync()
    {
        var container = new RabbitMqBuilder("rabbitmq:4-management").WithPortBinding(ManagementPort, assignRandomHostPort: true).Build();
        await container.StartAsync();
        return (new Uri(container.GetConnectionString()), new Uri($"http://{container.Hostname}:{container.GetMappedPublicPort(ManagementPort)}"));
    }
}
