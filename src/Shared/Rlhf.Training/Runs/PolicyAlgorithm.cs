using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Contracts.Training;
using Rlhf.Training.Hyperparameters;

namespace Rlhf.Training.Runs;

/// <summary>
/// Which method trains a project's policy: the key <c>algorithm</c> of its policy configuration, one of <see cref="RunKinds.PolicyAlgorithms"/>, ppo
/// without it. The other keys are that method's hyperparameters.
/// </summary>
public static class PolicyAlgorithm
{
    private const string Key = "algorithm";

    /// <summary>The kind of the project's policy runs; ppo where the configuration is faulty, which the taker of the command then says.</summary>
    /// <param name="configJson">The project's policy configuration.</param>
    public static string KindOf(string configJson)
    {
        try
        {
            return Split(configJson).Kind;
        }
        catch (HyperparametersException)
        {
            return RunKinds.Ppo;
        }
    }

    /// <summary>The hyperparameters of the project's policy runs; all that is there where the configuration is faulty.</summary>
    /// <param name="configJson">The project's policy configuration.</param>
    public static string HyperparametersOf(string configJson)
    {
        try
        {
            return Split(configJson).HyperparametersJson;
        }
        catch (HyperparametersException)
        {
            return configJson;
        }
    }

    /// <summary>The kind of the project's policy runs, and their hyperparameters.</summary>
    /// <param name="configJson">The project's policy configuration.</param>
    /// <exception cref="HyperparametersException">If it is no JSON object, or the algorithm is unknown.</exception>
    public static (string Kind, string HyperparametersJson) Split(string configJson)
    {
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(configJson);
        }
        catch (JsonException exception)
        {
            throw new HyperparametersException("The policy configuration", [$"it is not JSON: {exception.Message}"]);
        }

        if (node is not JsonObject settings)
        {
            throw new HyperparametersException("The policy configuration", ["it must be a JSON object."]);
        }

        if (!settings.TryGetPropertyValue(Key, out var algorithm))
        {
            return (RunKinds.Ppo, configJson);
        }

        var kind = algorithm is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
        if (kind is null || !RunKinds.PolicyAlgorithms.Contains(kind))
        {
            throw new HyperparametersException(
                "The policy configuration", [$"{Key} is {algorithm?.ToJsonString() ?? "null"}; it must be one of {string.Join(", ", RunKinds.PolicyAlgorithms)}."]);
        }

        settings.Remove(Key);
        return (kind, settings.ToJsonString());
    }
}
