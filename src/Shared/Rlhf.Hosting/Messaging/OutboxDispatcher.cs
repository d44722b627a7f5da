using System.Diagnostics;
using System.Text.Json;
using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Rlhf.Contracts;
using Rlhf.Data.Entities;
using Rlhf.Hosting.Telemetry;

namespace Rlhf.Hosting.Messaging;

/// <summary>
/// Publishes outbox rows, those of one aggregate in the order of their keys, each under the message id it was written with and in the trace of the change
/// it tells about. A row is removed when it is delivered: by the broker's confirmation, or, in memory, by the last consumer's own transaction.
/// Whatever dies in between, the row is still there and is published again.
/// </summary>
public sealed partial class OutboxDispatcher : BackgroundService
{
    private const int ParallelAggregates = 16;
    private static readonly TimeSpan s_publishTimeout = TimeSpan.FromSeconds(10);

    private readonly OutboxQueue _queue;
    private readonly IBusControl _bus;
    private readonly EndpointMap _endpoints;
    private readonly FailedMessageStore _failed;
    private readonly OutboxSignal _signal;
    private readonly MessagingOptions _options;
    private readonly ILogger<OutboxDispatcher> _logger;

    internal OutboxDispatcher(
        OutboxQueue queue,
        IBusControl bus,
        EndpointMap endpoints,
        FailedMessageStore failed,
        OutboxSignal signal,
        IOptions<MessagingOptions> options,
        ILogger<OutboxDispatcher> logger)
    {
        (_queue, _bus, _endpoints, _failed, _signal, _options, _logger) = (queue, bus, endpoints, failed, signal, options.Value, logger);
    }

    /// <summary>Takes and publishes one batch. Returns how many rows it took.</summary>
    public async Task<int> DispatchAsync(CancellationToken cancellationToken)
    {
        var rows = await _queue.TakeAsync(cancellationToken);
        await Parallel.ForEachAsync(
            rows.GroupBy(row => row.Aggregate ?? row.MessageId),
            new ParallelOptions { MaxDegreeOfParallelism = _options.IsDurable ? ParallelAggregates : 1 },
            (group, _) => DeliverAsync([.. group], cancellationToken));
        return rows.Count;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Without a broker nothing is tried, so an outage costs no attempts.
                await _bus.WaitForHealthStatus(BusHealthStatus.Healthy, stoppingToken);
                if (!started && !_options.IsDurable)
                {
                    await _queue.ForgetDeadProcessAsync(stoppingToken);
                }

                started = true;
                if (await DispatchAsync(stoppingToken) < _options.BatchSize)
                {
                    await _signal.WaitAsync(_options.PollInterval, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                Log.DispatchFailed(_logger, exception.Message);
                await _signal.WaitAsync(TimeSpan.FromSeconds(1), stoppingToken);
            }
        }
    }

    // One aggregate's rows, one after another: the first that cannot be published holds back the rest.
    private async ValueTask DeliverAsync(OutboxMessage[] rows, CancellationToken cancellationToken)
    {
        List<OutboxMessage> delivered = [];
        var tried = 0;
        try
        {
            foreach (var row in rows)
            {
                cancellationToken.ThrowIfCancellationRequested();
                tried++;
                if (!await DeliverAsync(row, delivered, cancellationToken))
                {
                    break;
                }
            }
        }
        finally
        {
            // Also when the process stops: what was published is not to be published again, and what was not need not wait to be missed.
            if (delivered.Count > 0)
            {
                await _queue.RemoveAsync(delivered, CancellationToken.None);
            }

            await _queue.ReleaseAsync(rows[tried..], CancellationToken.None);
        }
    }

    private async Task<bool> DeliverAsync(OutboxMessage row, List<OutboxMessage> delivered, CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        void Count(string outcome) => MessagingMetrics.Dispatched(row.Type, outcome, Stopwatch.GetElapsedTime(begun));
        object message;
        Type type;
        try
        {
            type = MessageTypes.Find(row.Type)
                ?? throw new NotSupportedException($"Message type '{row.Type}' is unknown to this program; known: {string.Join(", ", MessageTypes.All.Keys.Order(StringComparer.Ordinal))}.");
            message = MessageJson.Deserialize(row.Body, type);
        }
        catch (Exception exception) when (exception is NotSupportedException or JsonException)
        {
            Log.Unreadable(_logger, row.MessageId, row.Type, exception.Message);
            await _failed.SetAsideUnreadableAsync(row, exception, cancellationToken);
            Count("set_aside");
            return true;
        }

        try
        {
            await PublishAsync(row, message, type, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            Log.PublishFailed(_logger, row.MessageId, row.Type, exception.Message);
            await _queue.PutBackAsync(row, exception, cancellationToken);
            Count("failed");
            return false;
        }

        Count("published");
        if (_options.IsDurable || _endpoints.EndpointsOf(type).Count == 0)
        {
            delivered.Add(row);
        }

        return true;
    }

    private async Task PublishAsync(OutboxMessage row, object message, Type type, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_publishTimeout);
        using var activity = Continue(row);
        var isMandatory = !MessageTypes.Unconsumed.Contains(type) && !_options.Unconsumed.Contains(row.Type);
        var pipe = Pipe.Execute<PublishContext>(context =>
        {
            context.MessageId = row.MessageId;
            new MessagePlace(row.Id, row.Aggregate, row.TraceParent).Write(context.Headers);

            // A broker drops, and confirms, what no queue is bound for. A mandatory message comes back instead, and waits for who takes it.
            if (isMandatory && context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
            {
                rabbit.Mandatory = true;
            }
        });
        await _bus.Publish(message, type, pipe, timeout.Token);
    }

    // The bus's own span and headers follow the current activity, whether or not anybody listens to our spans.
    private static Activity? Continue(OutboxMessage row) => row.TraceParent is null
        ? null
        : RlhfTelemetry.Start("outbox dispatch", ActivityKind.Producer, row.TraceParent) ?? new Activity("outbox dispatch").SetParentId(row.TraceParent).Start();

    private static partial class Log
    {
        [LoggerMessage(EventId = 4201, Level = LogLevel.Warning, Message = "Outbox rows could not be dispatched: {Reason}")]
        public static partial void DispatchFailed(ILogger logger, string reason);

        [LoggerMessage(EventId = 4202, Level = LogLevel.Warning, Message = "Message {MessageId} ({Type}) could not be published and is tried again: {Reason}")]
        public static partial void PublishFailed(ILogger logger, Guid messageId, string type, string reason);

        [LoggerMessage(EventId = 4203, Level = LogLevel.Error, Message = "Message {MessageId} ({Type}) was set aside: {Reason}")]
        public static partial void Unreadable(ILogger logger, Guid messageId, string type, string reason);
    }
}
