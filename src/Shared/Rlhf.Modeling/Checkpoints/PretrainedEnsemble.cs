using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Checkpoints;

/// <summary>
/// Directories of reward-model ensembles. The first member lies in the directory itself, which every reader of a single model can use; the
/// others lie in <c>ensemble/2</c>, <c>ensemble/3</c>, …, and <c>ensemble.json</c> says how many there are and how they are combined.
/// </summary>
public static class PretrainedEnsemble
{
    private const string EnsembleFile = "ensemble.json";
    private const int MostMembers = 64;

    /// <summary>Saves reward models as one directory, which appears whole or not at all.</summary>
    /// <param name="members">The models, at least one; a single one is saved as <see cref="PretrainedModel"/> saves it.</param>
    /// <param name="uncertaintyPenalty">λ of mean − λ·σ.</param>
    /// <param name="tokenizer">Their tokenizer.</param>
    /// <param name="dir">The directory to create or replace.</param>
    /// <param name="files">More files of the directory by name, as text.</param>
    /// <exception cref="CheckpointException">If a weight is not finite; an existing directory stays as it is.</exception>
    public static void Save(
        IReadOnlyList<ScalarHeadModel> members, double uncertaintyPenalty, Tokenizer tokenizer, string dir, IReadOnlyDictionary<string, string>? files = null)
    {
        ArgumentNullException.ThrowIfNull(members);
        AtomicDirectory.Write(dir, temporary =>
        {
            PretrainedModel.Save(members[0], tokenizer, temporary);
            for (var i = 1; i < members.Count; i++)
            {
                PretrainedModel.Save(members[i], tokenizer, MemberDirectory(temporary, i));
            }

            if (members.Count > 1)
            {
                var json = new JsonObject { ["members"] = members.Count, ["uncertainty_penalty"] = uncertaintyPenalty };
                Write(temporary, EnsembleFile, json.ToJsonString(ConfigFields.Indented) + "\n");
            }

            foreach (var (name, text) in files ?? new Dictionary<string, string>())
            {
                Write(temporary, name, text);
            }
        });
    }

    /// <summary>Loads a directory of <see cref="Save"/>, or a single reward model.</summary>
    /// <param name="dir">The directory.</param>
    /// <returns>The members, which are the caller's to dispose, and λ.</returns>
    /// <exception cref="CheckpointException">If files are absent or damaged.</exception>
    public static (IReadOnlyList<ScalarHeadModel> Members, double UncertaintyPenalty) Load(string dir)
    {
        ArgumentNullException.ThrowIfNull(dir);
        var (count, penalty) = ReadFile(Path.Combine(dir, EnsembleFile));
        var members = new List<ScalarHeadModel>();
        try
        {
            members.Add(PretrainedModel.LoadScalar(dir));
            for (var i = 1; i < count; i++)
            {
                members.Add(PretrainedModel.LoadScalar(MemberDirectory(dir, i)));
            }

            return (members, penalty);
        }
        catch
        {
            members.ForEach(m => m.Dispose());
            throw;
        }
    }

    private static (int Members, double Penalty) ReadFile(string path)
    {
        if (!File.Exists(path))
        {
            return (1, 0);
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var members = document.RootElement.GetProperty("members").GetInt32();
            var penalty = document.RootElement.GetProperty("uncertainty_penalty").GetDouble();
            return members is >= 2 and <= MostMembers && penalty >= 0 && double.IsFinite(penalty)
                ? (members, penalty)
                : throw new CheckpointException(FormattableString.Invariant(
                    $"{path}: members is {members} (legal: 2 to {MostMembers}) and uncertainty_penalty is {penalty} (legal: 0 or more)"));
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException($"{path}: needs the numbers members and uncertainty_penalty: {fault.Message}", fault);
        }
    }

    private static string MemberDirectory(string dir, int index) =>
        Path.Combine(dir, "ensemble", (index + 1).ToString(CultureInfo.InvariantCulture));

    private static void Write(string dir, string name, string text) => AtomicFile.Write(Path.Combine(dir, name), Encoding.UTF8.GetBytes(text));
}
