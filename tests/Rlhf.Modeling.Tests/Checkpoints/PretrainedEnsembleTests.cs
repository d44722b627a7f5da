using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;

namespace Rlhf.Modeling.Tests.Checkpoints;

public sealed class PretrainedEnsembleTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Target => _directory.File("ensemble");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Save_ThreeMembers_LoadAgainAndTheFirstAlsoAsASingleModel()
    {
        using var lm = TinyModels.Causal();
        ScalarHeadModel[] members = [.. Enumerable.Range(1, 3).Select(i => ScalarHeadModel.FromCausal(lm, new Philox((ulong)i)))];
        members[2].ScoreBias = 0.5;

        PretrainedEnsemble.Save(members, 0.25, TinyModels.Tokenizer(), Target, new Dictionary<string, string> { ["note.txt"] = "x" });
        var (loaded, penalty) = PretrainedEnsemble.Load(Target);
        using var single = PretrainedModel.LoadScalar(Target);

        Assert.Equal(0.25, penalty);
        Assert.Equal(members.Select(Head), loaded.Select(Head));
        Assert.Equal([0, 0, 0.5], loaded.Select(m => m.ScoreBias));
        Assert.Equal(Head(members[0]), Head(single));
        Assert.Equal("x", File.ReadAllText(Path.Combine(Target, "note.txt")));
        foreach (var model in members.Concat(loaded))
        {
            model.Dispose();
        }
    }

    [Fact]
    public void Load_SingleModel_IsAnEnsembleOfOne()
    {
        using var lm = TinyModels.Causal();
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        PretrainedModel.Save(model, TinyModels.Tokenizer(), Target);

        var (members, penalty) = PretrainedEnsemble.Load(Target);

        Assert.Equal(0, penalty);
        Assert.Equal(Head(model), Head(Assert.Single(members)));
        members[0].Dispose();
    }

    [Theory]
    [InlineData("{\"members\": 1000000, \"uncertainty_penalty\": 0}", "legal: 2 to 64")]
    [InlineData("{\"members\": 2, \"uncertainty_penalty\": -1}", "legal: 0 or more")]
    [InlineData("{\"members\": \"two\"}", "needs the numbers")]
    [InlineData("{", "needs the numbers")]
    public void Load_BrokenEnsembleFile_NamesItAndTheFault(string json, string because)
    {
        using var lm = TinyModels.Causal();
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        PretrainedModel.Save(model, TinyModels.Tokenizer(), Target);
        File.WriteAllText(Path.Combine(Target, "ensemble.json"), json);

        var fault = Assert.Throws<CheckpointException>(() => PretrainedEnsemble.Load(Target));

        Assert.Contains("ensemble.json", fault.Message, StringComparison.Ordinal);
        Assert.Contains(because, fault.Message, StringComparison.Ordinal);
    }

    private static float[] Head(ScalarHeadModel model) =>
        TinyModels.Floats(model.named_parameters().Single(entry => entry.name == "score.weight").parameter);
}
