using System.Collections.Frozen;
using System.Diagnostics;
using MassTransit;
using Microsoft.Extensions.Logging;
using Rlhf.Contracts;

namespace Rlhf.Hosting.Messaging;

/// <summary>Around the retries on every endpoint: writes down what no immediate retry could help. While the message will be delivered again the delivery counts as done.</summary>
internal sealed partial class FailureFilter(FailedMessageStore store, ILogger<FailureFilter> logger) : IFilter<ConsumeContext>
{
    private static readonly FrozenDictionary<Type, Func<ConsumeContext, object?>> s_readers = MessageTypes.All.Values.ToFrozenDictionary(
        type => type,
        type => typeof(FailureFilter).GetMethod(nameof(Read), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!
            .MakeGenericMethod(type).CreateDelegate<Func<ConsumeContext, object?>>());

    public void Probe(ProbeContext context) => context.CreateFilterScope("failure");

    public async Task Send(ConsumeContext context, IPipe<ConsumeContext> next)
    {
        var begun = Stopwatch.GetTimestamp();
        var endpoint = EndpointMap.NameOf(context.ReceiveContext.InputAddress);

        // What the end of the process breaks off is delivered again.
        var outcome = "cancelled";
        try
        {
            await next.Send(context);
            outcome = "handled";
        }
        catch (Exception exception) when (!context.CancellationToken.IsCancellationRequested && context.MessageId is not null)
        {
            var message = s_readers.Values.Select(read => read(context)).FirstOrDefault(m => m is not null);
            var place = MessagePlace.Read(context.Headers);
            if (exception is HeldBackException && message is not null)
            {
                await store.HoldBackAsync(context.MessageId.Value, endpoint, place, message, exception, context.CancellationToken);
                outcome = "held_back";
            }
            else if (message is null || !await store.RecordAsync(context.MessageId.Value, endpoint, place, message, exception, context.CancellationToken))
            {
                outcome = "set_aside";
                Log.SetAside(logger, exception, context.MessageId.Value, endpoint);
                throw;
            }
            else
            {
                outcome = "failed";
                Log.Again(logger, context.MessageId.Value, endpoint, exception.Message);
            }
        }
        finally
        {
            MessagingMetrics.Consumed(endpoint, outcome, Stopwatch.GetElapsedTime(begun));
        }
    }

    private static object? Read<T>(ConsumeContext context)
        where T : class => context.TryGetMessage<T>(out var typed) ? typed.Message : null;

    private static partial class Log
    {
        [LoggerMessage(EventId = 4101, Level = LogLevel.Error, Message = "Message {MessageId} was set aside by {Endpoint}")]
        public static partial void SetAside(ILogger logger, Exception exception, Guid messageId, string endpoint);

        [LoggerMessage(EventId = 4102, Level = LogLevel.Warning, Message = "Message {MessageId} failed on {Endpoint} and is delivered again later: {Reason}")]
        public static partial void Again(ILogger logger, Guid messageId, string endpoint, string reason);
    }
}
