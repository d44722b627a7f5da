using System.Text.RegularExpressions;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Adapters;

/// <summary>Which projections an adapter changes, by the rules of PEFT.</summary>
internal static class LoraTargets
{
    /// <summary>Heads that a classification adapter of PEFT names whatever the model's is called.</summary>
    private static readonly string[] ClassificationHeads = ["score", "classifier"];

    private static readonly string[] OutputHeads = [.. ClassificationHeads, "lm_head", "embed_out"];

    /// <summary>A pattern from a file must not take forever.</summary>
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The projections with a low-rank update.</summary>
    /// <exception cref="ArgumentException">If a name matches no projection.</exception>
    public static List<(string Name, Projection Projection)> Select(List<(string Name, Projection Projection)> projections, LoraConfig config)
    {
        if (config.TargetModules is [LoraConfig.AllLinear])
        {
            return projections.FindAll(entry => !OutputHeads.Contains(entry.Name));
        }

        if (config.TargetModulesPattern is { } pattern)
        {
            var matches = Matching(projections, pattern);
            return matches.Count > 0 ? matches : throw Unknown(projections, [pattern]);
        }

        var unknown = Array.FindAll(config.TargetModules, target => !projections.Exists(entry => Matches(entry.Name, target)));
        return unknown.Length == 0
            ? projections.FindAll(entry => Array.Exists(config.TargetModules, target => Matches(entry.Name, target)))
            : throw Unknown(projections, unknown);
    }

    /// <summary>The projections that are trained whole.</summary>
    /// <exception cref="ArgumentException">If a name matches no projection.</exception>
    public static List<(string Name, Projection Projection)> SelectSaved(List<(string Name, Projection Projection)> projections, LoraConfig config)
    {
        var unknown = Array.FindAll(
            config.ModulesToSave,
            name => !ClassificationHeads.Contains(name) && !projections.Exists(entry => Matches(entry.Name, name)));
        return unknown.Length == 0
            ? projections.FindAll(entry => Array.Exists(config.ModulesToSave, name => Matches(entry.Name, name)))
            : throw Unknown(projections, unknown);
    }

    private static bool Matches(string name, string target) => name == target || name.EndsWith($".{target}", StringComparison.Ordinal);

    private static List<(string Name, Projection Projection)> Matching(List<(string Name, Projection Projection)> projections, string pattern)
    {
        try
        {
            var whole = new Regex($"^(?:{pattern})$", RegexOptions.CultureInvariant, MatchTimeout);
            return projections.FindAll(entry => whole.IsMatch(entry.Name));
        }
        catch (RegexParseException fault)
        {
            throw new ArgumentException($"target_modules \"{pattern}\" is not a regular expression: {fault.Message}", fault);
        }
        catch (RegexMatchTimeoutException fault)
        {
            throw new ArgumentException($"target_modules \"{pattern}\" takes too long to match", fault);
        }
    }

    private static ArgumentException Unknown(List<(string Name, Projection Projection)> projections, string[] names)
    {
        var existing = projections.Select(entry => entry.Name[(entry.Name.LastIndexOf('.') + 1)..]).Distinct();
        return new ArgumentException($"\"{string.Join("\", \"", names)}\" match no projection of the model; it has {string.Join(", ", existing)}");
    }
}
