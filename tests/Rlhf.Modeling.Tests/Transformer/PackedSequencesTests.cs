using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Transformer;

public sealed class PackedSequencesTests
{
    private static readonly int[][] Documents = [[5, 9, 14, 3], [7, 30], [11, 12, 13, 40, 41]];

    public static TheoryData<string> Families() => [.. TinyModels.Families.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void Hidden_PackedRow_EqualsEveryDocumentAlone(string family)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Families[family]);

        // Two padding tokens at the end; the numbers of the documents need not be in order.
        var ids = TinyModels.Ids([.. Documents.SelectMany(document => document), 2, 2]);
        var sequences = TinyModels.Ids([4, 4, 4, 4, 9, 9, 1, 1, 1, 1, 1, 0, 0]);
        var packed = model.Hidden(ids, null, null, sequences);
        AssertEqualsAlone(model, packed);
        Assert.All(TinyModels.Floats(packed), value => Assert.True(float.IsFinite(value)));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Hidden_PositionsStartAgain_BeginsADocumentThere(string family)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal(TinyModels.Families[family]);
        var ids = TinyModels.Ids([.. Documents.SelectMany(document => document)]);
        AssertEqualsAlone(model, model.Hidden(ids, null, TinyModels.Ids([0, 1, 2, 3, 0, 1, 0, 1, 2, 3, 4])));
    }

    [Fact]
    public void Hidden_PositionsStartAgainWithAMask_AreOneDocument()
    {
        // Left padding has such positions too when a caller counts padding as 0.
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var ids = TinyModels.Ids([2, 5, 9, 14]);
        var alone = TinyModels.Floats(model.Hidden(TinyModels.Ids([5, 9, 14])));
        var padded = model.Hidden(ids, TinyModels.Ids([0, 1, 1, 1]), TinyModels.Ids([0, 0, 1, 2])).narrow(1, 1, 3);
        AssertClose(alone, TinyModels.Floats(padded));
    }

    [Fact]
    public void Hidden_MaskInsideADocument_HidesThoseTokens()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var packed = model.Hidden(TinyModels.Ids([2, 5, 9, 7, 30]), TinyModels.Ids([0, 1, 1, 1, 1]), null, TinyModels.Ids([3, 3, 3, 8, 8]));
        AssertClose(TinyModels.Floats(model.Hidden(TinyModels.Ids([5, 9]))), TinyModels.Floats(packed.narrow(1, 1, 2)));
        AssertClose(TinyModels.Floats(model.Hidden(TinyModels.Ids([7, 30]))), TinyModels.Floats(packed.narrow(1, 3, 2)));
    }

    [Fact]
    public void Hidden_DocumentInTwoPiecesOrNegative_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Causal();
        var ids = TinyModels.Ids([5, 9, 14], [5, 9, 14]);
        var fault = Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, null, TinyModels.Ids([1, 2, 3], [1, 2, 1])));
        Assert.Contains("found 1 at [1, 2]", fault.Message, StringComparison.Ordinal);
        Assert.Contains("found -1 at [0, 1]", Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, null, TinyModels.Ids([1, -1, 3], [1, 2, 3]))).Message, StringComparison.Ordinal);
        Assert.Contains("sequenceIds has shape [1, 2]", Assert.Throws<ArgumentException>(() => model.Hidden(ids, null, null, TinyModels.Ids([1, 2]))).Message, StringComparison.Ordinal);
    }

    private static void AssertEqualsAlone(CausalLanguageModel model, Tensor packed_1TD)
    {
        var start = 0;
        foreach (var document in Documents)
        {
            var alone = TinyModels.Floats(model.Hidden(TinyModels.Ids(document)));
            AssertClose(alone, TinyModels.Floats(packed_1TD.narrow(1, start, document.Length)));
            start += document.Length;
        }
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 5e-5f));
    }
}
