using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;

namespace Rlhf.Hosting.Messaging;

/// <summary>Section "Messaging": how messages travel.</summary>
public sealed class MessagingOptions
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Messaging";

    /// <summary>Within one process; the outbox rows are the queue that survives it.</summary>
    public const string InMemory = "inmemory";

    /// <summary>Between processes.</summary>
    public const string RabbitMqTransport = "rabbitmq";

    /// <summary>"inmemory" (default) or "rabbitmq".</summary>
    public string Transport { get; set; } = InMemory;

    /// <summary>The broker, for "rabbitmq".</summary>
    public RabbitMqOptions RabbitMq { get; set; } = new();

    /// <summary>How many messages an endpoint handles at the same time; more than a few only queue for SQLite's one writer.</summary>
    [Range(1, 64, ErrorMessage = "Messaging:ConcurrentMessages must lie between 1 and 64.")]
    public int ConcurrentMessages { get; set; } = 2;

    /// <summary>How often the dispatcher looks for outbox rows when nothing wakes it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:01:00", ErrorMessage = "Messaging:PollInterval must lie between 10 ms and 1 minute.")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Outbox rows taken at once.</summary>
    [Range(1, 1000, ErrorMessage = "Messaging:BatchSize must lie between 1 and 1000.")]
    public int BatchSize { get; set; } = 100;

    /// <summary>A row a dispatcher took this long ago and nobody settled is published again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "1.00:00:00", ErrorMessage = "Messaging:RedeliverAfter must lie between 100 ms and 1 day.")]
    public TimeSpan RedeliverAfter { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Deliveries to an endpoint that may fail before the message is set aside.</summary>
    [Range(1, 100, ErrorMessage = "Messaging:MaxAttempts must lie between 1 and 100.")]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>Wait before the second delivery; doubles with each one, up to a minute.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:01:00", ErrorMessage = "Messaging:RetryDelay must lie between 0 and 1 minute.")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Immediate retries within one delivery, for a database that was busy or a lost race.</summary>
    [Range(0, 10, ErrorMessage = "Messaging:ImmediateRetries must lie between 0 and 10.")]
    public int ImmediateRetries { get; set; } = 2;

    /// <summary>How long it is remembered that a message was handled.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "3650.00:00:00", ErrorMessage = "Messaging:InboxRetention must lie between 1 minute and 3650 days.")]
    public TimeSpan InboxRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long a message that was set aside is kept.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "3650.00:00:00", ErrorMessage = "Messaging:FailedRetention must lie between 1 minute and 3650 days.")]
    public TimeSpan FailedRetention { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// Message types that nobody listens to in this deployment, by their stable names, for example "training.run-progressed" where no site runs. The broker may
    /// drop them; every other message waits in the outbox until its queue exists.
    /// </summary>
    public IList<string> Unconsumed { get; } = [];

    /// <summary>Whether a message stays in the broker when this process dies.</summary>
    internal bool IsDurable => Transport == RabbitMqTransport;

    internal TimeSpan DelayAfter(int failures) =>
        TimeSpan.FromTicks((long)Math.Min(RetryDelay.Ticks * Math.Pow(2, Math.Max(0, failures - 1)), TimeSpan.TicksPerMinute));

    internal sealed class Validator : IValidateOptions<MessagingOptions>
    {
        public ValidateOptionsResult Validate(string? name, MessagingOptions options)
        {
            List<string> failures = [];
            if (options.Transport is not (InMemory or RabbitMqTransport))
            {
                failures.Add($"Messaging:Transport is '{options.Transport}'; legal values: {InMemory}, {RabbitMqTransport}.");
            }

            if (options.Transport == RabbitMqTransport)
            {
                options.RabbitMq.Validate(failures);
            }

            failures.AddRange(options.Unconsumed.Where(type => MessageTypes.Find(type) is null).Select(type =>
                $"Messaging:Unconsumed has '{type}'; legal values: {string.Join(", ", MessageTypes.All.Keys.Order(StringComparer.Ordinal))}."));
            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}
