namespace Rlhf.Hosting.Messaging;

/// <summary>Section "Messaging:RabbitMq": where the broker is.</summary>
public sealed class RabbitMqOptions
{
    /// <summary>Host name or address.</summary>
    public string Host { get; set; } = "";

    /// <summary>Port.</summary>
    public int Port { get; set; } = 5672;

    /// <summary>Virtual host.</summary>
    public string VirtualHost { get; set; } = "/";

    /// <summary>User.</summary>
    public string User { get; set; } = "";

    /// <summary>Password.</summary>
    public string Password { get; set; } = "";

    internal void Validate(List<string> failures)
    {
        foreach (var (key, value) in (IEnumerable<(string, string)>)[("Host", Host), ("VirtualHost", VirtualHost), ("User", User), ("Password", Password)])
        {
            if (string.IsNullOrWhiteSpace(value))
            {
                failures.Add($"Messaging:RabbitMq:{key} is missing; with Messaging:Transport = {MessagingOptions.RabbitMqTransport} it is required.");
            }
        }

        if (Port is < 1 or > 65535)
        {
            failures.Add($"Messaging:RabbitMq:Port is {Port}; legal values: 1 to 65535.");
        }
    }
}
