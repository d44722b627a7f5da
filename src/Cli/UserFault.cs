using System.Net.Sockets;
using System.Text.Json;
using Labeling.Web.Features.Import;
using Microsoft.Extensions.Options;
using Rlhf.Datasets;
using Rlhf.Hosting;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Torch.Extensions;
using Rlhf.Torch.Extensions.Distributed;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Memory;

namespace Rlhf.Cli;

/// <summary>A fault that the person at the keyboard can mend; its message says what is wrong and what to do.</summary>
public sealed class UserException(string message) : Exception(message);

/// <summary>Which exceptions are a user's to mend, and what to tell them.</summary>
internal static class UserFault
{
    public static string? Message(Exception exception) => exception switch
    {
        UserException or ImportException or DatasetException or HyperparametersException or MemoryPlanException or CheckpointException or TorchUnavailableException or DistributedException or DataDirectoryInUseException or FileNotFoundException
            or DirectoryNotFoundException or InvalidDataException => exception.Message,
        TrainingStateException state => state.Message + " To begin anew: --resume false, or another --output.",
        OptionsValidationException options => "the configuration is not usable:\n  - " + string.Join("\n  - ", options.Failures),
        JsonException json => $"not valid JSON: {json.Message}",
        IOException { InnerException: SocketException socket } when socket.SocketErrorCode == SocketError.AddressAlreadyInUse
            => $"{exception.Message.TrimEnd('.')}. Another program listens there: choose another address with --urls.",
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } =>
            $"{exception.Message.TrimEnd('.')}. Another program listens there: choose another address with --urls.",
        SocketException socket => $"the address cannot be used ({socket.Message}): choose another with --urls.",
        UnauthorizedAccessException => exception.Message + " Choose another directory or change its permissions.",
        _ => null,
    };

    /// <summary>Refuses a configuration with all its faults at once.</summary>
    /// <exception cref="UserException">If there is any fault.</exception>
    public static void ThrowIfAny(string what, IReadOnlyList<string> faults)
    {
        if (faults.Count > 0)
        {
            throw new UserException($"the {what} settings are not usable:\n  - " + string.Join("\n  - ", faults));
        }
    }
}
