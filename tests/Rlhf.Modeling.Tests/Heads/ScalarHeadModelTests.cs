using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Heads;

public sealed class ScalarHeadModelTests
{
    private static readonly int[][] Rows = [[5, 9, 14, 3, 22], [7, 30, 11]];

    [Fact]
    public void Scores_AnyPadding_AreTheValueAtTheLastRealToken()
    {
        using var scope = NewDisposeScope();
        using var lm = TinyModels.Causal();
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        var expected = Rows.Select(row => TinyModels.Floats(model.Values(TinyModels.Ids(row), null))[^1]).ToArray();
        foreach (var (left, extra) in (ReadOnlySpan<(bool, int)>)[(true, 0), (true, 4), (false, 0), (false, 4)])
        {
            var (ids, mask) = TinyModels.Padded(Rows, left, extra);
            var scores = TinyModels.Floats(model.Scores(ids, mask));
            for (var row = 0; row < Rows.Length; row++)
            {
                Assert.Equal(expected[row], scores[row], 2e-5f);
            }
        }
    }

    [Fact]
    public void Values_Shape_IsOnePerToken()
    {
        using var scope = NewDisposeScope();
        using var lm = TinyModels.Causal();
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        Assert.Equal([2L, 3L], model.Values(TinyModels.Ids([1, 2, 3], [4, 5, 6]), null).shape);
    }

    [Fact]
    public void FromCausal_Head_HasTheSpreadOfThePaperAndTheBodyIsCopied()
    {
        // D = 1023: 1/√(D + 1) = 1/32; the sample deviation of 1023 draws is within 10% (standard error 2.2%).
        var config = TinyModels.Config with { HiddenSize = 1023, IntermediateSize = 4, NumHiddenLayers = 1, VocabSize = 8 };
        using var lm = TinyModels.Causal(config);
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        var head = TinyModels.Floats(model.named_parameters().Single(entry => entry.name == "score.weight").parameter);
        Assert.Equal(1023, head.Length);
        Assert.InRange(Math.Sqrt(head.Average(value => (double)value * value)), 0.9 / 32, 1.1 / 32);
        Assert.DoesNotContain(model.named_parameters(), entry => entry.name == "score.bias");
        foreach (var (name, parameter) in lm.named_parameters())
        {
            Assert.Equal(TinyModels.Floats(parameter), TinyModels.Floats(model.named_parameters().Single(entry => entry.name == name).parameter));
        }
    }

    [Fact]
    public void ScoreBias_SavedAndLoaded_IsSubtractedFromScoresOnly()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        using var lm = TinyModels.Causal();
        using var model = ScalarHeadModel.FromCausal(lm, new Philox(4));
        var ids = TinyModels.Ids([5, 9, 14]);
        var raw = model.Scores(ids, ones_like(ids)).item<float>();
        model.ScoreBias = 0.625;
        PretrainedModel.Save(model, TinyModels.Tokenizer(), directory.File("rm"));
        using var loaded = PretrainedModel.LoadScalar(directory.File("rm"));
        Assert.Equal(0.625, loaded.ScoreBias);
        Assert.Equal(raw - 0.625f, loaded.Scores(ids, ones_like(ids)).item<float>(), 1e-6f);
        Assert.Equal(raw, TinyModels.Floats(loaded.Values(ids, null))[^1], 1e-6f);
    }
}
