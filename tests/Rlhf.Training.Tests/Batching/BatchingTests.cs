using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Batching;

public sealed class BatchingTests
{
    private const int Eos = 99;

    [Fact]
    public void PaddedBatch_RowsOfDifferentLength_ArePaddedOnTheRight()
    {
        using var scope = NewDisposeScope();

        var batch = PaddedBatch.Right([[1, 2, 3], [4]], padId: 0);

        Assert.Equal([1, 2, 3, 4, 0, 0], batch.InputIds_BT.data<long>().ToArray());
        Assert.Equal([1, 1, 1, 1, 0, 0], batch.AttentionMask_BT().data<long>().ToArray());
        Assert.Equal([2, 3], batch.LastPlace_B().data<long>().ToArray());
    }

    [Fact]
    public void PaddedBatch_RowLongerThanWidth_IsRefused() =>
        Assert.Throws<ArgumentException>(() => PaddedBatch.Right([[1, 2, 3]], padId: 0, width: 2));

    [Fact]
    public void PromptResponseBatch_UnequalRows_PicksThePredictorOfEachResponseToken()
    {
        using var scope = NewDisposeScope();

        // Columns 0…4: row 0 is P P R R _, row 1 is P R R R _ (width 5).
        var batch = PromptResponseBatch.Create([[1, 2], [3]], [[11, 12], [21, 22, 23]], padId: 0, width: 5, responseColumns: 4);

        Assert.Equal([1, 2, 11, 12, 0, 3, 21, 22, 23, 0], batch.InputIds_BL.data<long>().ToArray());
        Assert.Equal([11, 12, 21, 22, 23], batch.ResponseIds_N.data<long>().ToArray());
        Assert.Equal([1, 2, 5, 6, 7], batch.PredictorIndex_N.data<long>().ToArray());
        Assert.Equal([0, 1, 5, 5, 2, 3, 4, 5], batch.CellToken_BT.data<long>().ToArray());

        // One column after the response the predictor is its last token; later columns repeat it.
        Assert.Equal([1, 2, 3, 3, 5, 6, 7, 8], batch.CellPlace_C.data<long>().ToArray());
        Assert.Equal([0, 1, 4, 5, 6], batch.TokenCell_N.data<long>().ToArray());
        Assert.Equal([10f, 11, 0, 0, 12, 13, 14, 0], batch.ToCells(tensor(new float[] { 10, 11, 12, 13, 14 })).data<float>().ToArray());
    }

    [Fact]
    public void PromptResponseBatch_ToCells_PassesGradientsToTheirTokens()
    {
        using var scope = NewDisposeScope();
        var batch = PromptResponseBatch.Create([[1], [3]], [[11, 12], [21]], padId: 0);
        var values = tensor(new float[] { 1, 2, 3 }).requires_grad_();

        (batch.ToCells(values) * tensor(new float[] { 5, 6, 7, 8 }, [2, 2])).sum().backward();

        // The padding cell's factor 8 reaches nobody.
        Assert.Equal([5f, 6, 7], values.grad!.data<float>().ToArray());
    }

    [Fact]
    public void PromptResponseBatch_EmptyResponse_IsRefused() =>
        Assert.Throws<ArgumentException>(() => PromptResponseBatch.Create([[1]], [[]], padId: 0));

    [Fact]
    public void DocumentPacker_Blocks_CoverTheStreamAndShareOneToken()
    {
        // The stream: 0 E 10 11 E 20 21 22 E 30 …
        var packer = new DocumentPacker(Document, documentCount: null, context: 3, Eos, seed: 1);

        Assert.Equal([0, Eos, 10, 11], Next(packer, 3));
        Assert.Equal([11, Eos, 20, 21], Next(packer, 3));
        Assert.Equal([21, 22, Eos, 30], Next(packer, 3));
        Assert.Equal([30, 31, 32, 33], Next(packer, 3));
    }

    [Fact]
    public void DocumentPacker_SequenceIds_NumberTheDocumentsOfABlock()
    {
        // The stream: 0 E | 10 11 E | 20 21 22 E | 30 …
        var packer = new DocumentPacker(Document, documentCount: null, context: 4, Eos, seed: 1);
        var (block, sequences) = (new long[5], new long[4]);
        packer.Next(block, sequences);
        Assert.Equal([0, Eos, 10, 11, Eos], block);
        Assert.Equal([1L, 1, 2, 2], sequences);
        packer.Next(block, sequences);
        Assert.Equal([Eos, 20, 21, 22, Eos], block);
        Assert.Equal([1L, 2, 2, 2], sequences);
        Assert.Throws<ArgumentException>(() => packer.Next(new long[5], new long[5]));
    }

    [Fact]
    public void DocumentPacker_BlockWithSequenceIds_GivesTheStatesOfEveryDocumentAlone()
    {
        using var scope = NewDisposeScope();
        using var model = new CausalLanguageModel(new TransformerConfig
        {
            VocabSize = 100,
            HiddenSize = 16,
            IntermediateSize = 24,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            NumKeyValueHeads = 1,
            HeadDim = 8,
            InitializerRange = 0.3,
        });
        model.Initialize(new Philox(1));
        var packer = new DocumentPacker(Document, documentCount: null, context: 9, Eos, seed: 1);
        var (block, sequences) = (new long[10], new long[9]);
        packer.Next(block, sequences);
        Assert.Equal([1L, 1, 2, 2, 2, 3, 3, 3, 3], sequences);
        var packed = model.Hidden(tensor(block[..9], [1, 9]), null, null, tensor(sequences, [1, 9]));
        foreach (var (start, length) in (ReadOnlySpan<(int, int)>)[(0, 2), (2, 3), (5, 4)])
        {
            var alone = model.Hidden(tensor(block[start..(start + length)], [1, length])).data<float>().ToArray();
            var inside = packed.narrow(1, start, length).contiguous().data<float>().ToArray();
            Assert.All(alone.Zip(inside), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
        }
    }

    [Fact]
    public void DocumentPacker_SoughtToSavedCursor_ContinuesTheSameStream()
    {
        var straight = new DocumentPacker(Document, documentCount: 7, context: 5, Eos, seed: 3);
        for (var i = 0; i < 11; i++)
        {
            Next(straight, 5);
        }

        var resumed = new DocumentPacker(Document, documentCount: 7, context: 5, Eos, seed: 3);
        resumed.Seek(straight.Document, straight.Offset);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(Next(straight, 5), Next(resumed, 5));
        }
    }

    [Fact]
    public void DocumentPacker_FiniteCorpus_ReadsEveryDocumentOnceAnEpoch()
    {
        var read = new List<long>();
        var packer = new DocumentPacker(
            index =>
            {
                read.Add(index);
                return [1];
            },
            documentCount: 5,
            context: 2,
            Eos,
            seed: 9);

        // Two tokens a document, two predicted a block: 10 blocks begin 10 documents.
        for (var i = 0; i < 10; i++)
        {
            Next(packer, 2);
        }

        Assert.Equal([0L, 1, 2, 3, 4], read.Take(5).Order());
        Assert.Equal([0L, 1, 2, 3, 4], read.Skip(5).Take(5).Order());
        Assert.NotEqual(read.Take(5), read.Skip(5).Take(5));
    }

    [Fact]
    public void EpochOrder_Draws_AreAPermutationPerEpochAndPureInTheirNumber()
    {
        var order = new EpochOrder(6, seed: 4, stream: 100);
        var first = Enumerable.Range(0, 6).Select(i => order.At(i)).ToArray();
        var second = Enumerable.Range(6, 6).Select(i => order.At(i)).ToArray();

        Assert.Equal([0, 1, 2, 3, 4, 5], first.Order());
        Assert.Equal([0, 1, 2, 3, 4, 5], second.Order());
        Assert.NotEqual(first, second);
        Assert.Equal(first[3], order.At(3));
    }

    private static int[] Document(long index) => [.. Enumerable.Range(0, (int)index + 1).Select(i => ((int)index * 10) + i)];

    private static long[] Next(DocumentPacker packer, int context)
    {
        var block = new long[context + 1];
        packer.Next(block);
        return block;
    }
}
