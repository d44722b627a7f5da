using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Heads;

public sealed class ValueHeadTests
{
    [Fact]
    public void Values_OneEachToken_AreTheWeightedSumOfTheHiddenState()
    {
        using var scope = NewDisposeScope();
        using var lm = TinyModels.Causal();
        using var head = new ValueHead(lm, new Philox(4));
        Assert.Equal(["summary.weight", "summary.bias"], head.named_parameters().Select(entry => entry.name));
        var hidden = lm.Hidden(TinyModels.Ids([5, 9, 14], [7, 30, 11]));
        var values = head.Values(hidden);
        Assert.Equal([2L, 3L], values.shape);
        var weight = TinyModels.Floats(head.get_parameter("summary.weight")!);
        var expected = TinyModels.Floats(hidden[1, 2]).Zip(weight).Sum(pair => (double)pair.First * pair.Second);
        Assert.Equal(expected, values[1, 2].item<float>(), 1e-5);

        // The body is shared: a loss on values reaches it.
        values.square().mean().backward();
        Assert.True(lm.Body.Layers[0].Attention.Query!.weight.grad!.square().sum().item<float>() > 0);
    }

    [Fact]
    public void EveryFamily_HasAScalarHeadAndAValueHead()
    {
        foreach (var (_, config) in TinyModels.Families)
        {
            using var scope = NewDisposeScope();
            using var lm = TinyModels.Causal(config);
            using var head = new ValueHead(lm, new Philox(4));
            using var scalar = ScalarHeadModel.FromCausal(lm, new Philox(4));
            Assert.Equal([1L, 3L], head.Values(lm.Hidden(TinyModels.Ids([5, 9, 14]))).shape);
            Assert.Equal([1L], scalar.Scores(TinyModels.Ids([5, 9, 14]), TinyModels.Ids([1, 1, 1])).shape);
            var body = lm.named_parameters().Select(entry => entry.name).Where(name => name is not ("lm_head.weight" or "lm_head.bias" or "embed_out.weight"));
            Assert.Equal([.. body, "score.weight"], scalar.named_parameters().Select(entry => entry.name));
            Assert.EndsWith("ForSequenceClassification", config.Family.ClassificationArchitecture, StringComparison.Ordinal);
        }
    }
}
