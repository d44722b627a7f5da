using Microsoft.Extensions.Logging;

namespace Rlhf.Training.Runs;

internal static partial class RunLog
{
    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "Run {RunId} ({Kind}) started on {Device}, attempt {Attempt}")]
    public static partial void Started(ILogger logger, Guid runId, string kind, string device, int attempt);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Information, Message = "Run {RunId} completed")]
    public static partial void Completed(ILogger logger, Guid runId);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Information, Message = "Run {RunId} was cancelled")]
    public static partial void Cancelled(ILogger logger, Guid runId);

    [LoggerMessage(EventId = 2004, Level = LogLevel.Information, Message = "Run {RunId} was interrupted and goes on at the next start")]
    public static partial void Released(ILogger logger, Guid runId);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Error, Message = "Run {RunId} failed")]
    public static partial void Failed(ILogger logger, Exception exception, Guid runId);

    [LoggerMessage(EventId = 2006, Level = LogLevel.Warning, Message = "{Reason}")]
    public static partial void LeaseLost(ILogger logger, string reason);

    [LoggerMessage(EventId = 2007, Level = LogLevel.Error, Message = "The end of run {RunId} could not be written")]
    public static partial void EndFailed(ILogger logger, Exception exception, Guid runId);

    [LoggerMessage(EventId = 2008, Level = LogLevel.Warning, Message = "The lease of run {RunId} could not be renewed: {Reason}")]
    public static partial void HeartbeatFailed(ILogger logger, Guid runId, string reason);

    [LoggerMessage(EventId = 2009, Level = LogLevel.Warning, Message = "The run queue could not be read and is tried again: {Reason}")]
    public static partial void QueueFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = 2010, Level = LogLevel.Warning, Message = "The state directory {Directory} of a completed run could not be removed: {Reason}")]
    public static partial void StateStays(ILogger logger, string directory, string reason);

    [LoggerMessage(EventId = 2011, Level = LogLevel.Warning, Message = "Run {RunId} failed in a way that may pass and is tried again")]
    public static partial void Retried(ILogger logger, Exception exception, Guid runId);

    [LoggerMessage(EventId = 2012, Level = LogLevel.Warning, Message = "Run {RunId} did not stop within {Timeout} and is given back while its step still computes")]
    public static partial void Abandoned(ILogger logger, Guid runId, TimeSpan timeout);
}
