using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class TensorTests
{
    [Fact]
    public void Metadata_OfATransposedTensor_TellsItsLayout()
    {
        using var scope = NewDisposeScope();
        var tensor = zeros(2, 3, float64).transpose(0, 1);

        Assert.Equal([3, 2], tensor.shape);
        Assert.Equal([1, 3], tensor.stride());
        Assert.Equal((2, 6, 8), (tensor.ndim, tensor.numel(), tensor.element_size()));
        Assert.Equal((3, 2), (tensor.size(0), tensor.size(-1)));
        Assert.False(tensor.is_contiguous());
        Assert.Equal(CPU, tensor.device);
        Assert.Equal("[3x2], type = Float64, device = cpu", tensor.ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.size(2));
    }

    [Fact]
    public void Data_OfATransposedTensor_IsInRowOrder()
    {
        using var scope = NewDisposeScope();
        var tensor = arange(6, dtype: float32).reshape(2, 3).t();
        var data = tensor.data<float>();

        // [[0, 1, 2], [3, 4, 5]] transposed is [[0, 3], [1, 4], [2, 5]].
        Assert.Equal([0, 3, 1, 4, 2, 5], data.ToArray());
        Assert.Equal([0, 3, 1, 4, 2, 5], data);
        Assert.Equal(4, data[1, 1]);
        data[2, 0] = 20;
        data.CopyFrom([7f, 8f], tensorIndex: 1);
        Assert.Equal([0, 7, 8, 4, 20, 5], tensor.data<float>().ToArray());
        var part = new float[3];
        data.CopyTo(part, 1, 4);
        Assert.Equal([0, 20, 5], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[0, 2]);
        Assert.Throws<ArgumentException>(() => data[0]);
        Assert.Throws<ArgumentException>(() => data.CopyTo(part));
    }

    [Fact]
    public void Data_OfAnotherType_IsRefused()
    {
        using var tensor = zeros(2);

        var error = Assert.Throws<ArgumentException>(() => tensor.data<double>());

        Assert.Contains("Float32", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => tensor.item<float>());
        using var one = zeros(1);
        Assert.Throws<ArgumentException>(() => one.item<long>());
    }

    [Fact]
    public void Bytes_OfATensor_AreItsMemory()
    {
        using var tensor = zeros(2, int32);

        tensor.bytes[4] = 1;

        Assert.Equal([0, 1], tensor.data<int>().ToArray());
        tensor.bytes = new byte[] { 2, 0, 0, 0, 3, 0, 0, 0 };
        Assert.Equal([2, 3], tensor.data<int>().ToArray());
        Assert.Throws<ArgumentException>(() => tensor.bytes = new byte[3]);
        using var column = zeros(2, 2).t();
        Assert.Throws<NotSupportedException>(() => column.bytes.Length);
    }

    [Fact]
    public void Item_OfEveryType_IsTheNumber()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(2.5f, tensor(2.5f).item<float>());
        Assert.Equal(2.5, tensor(2.5).item<double>());
        Assert.Equal(7L, tensor(7L).item<long>());
        Assert.Equal(7, tensor(7).item<int>());
        Assert.Equal((byte)7, tensor((byte)7).item<byte>());
        Assert.True(tensor(true).item<bool>());
        Assert.Equal((Half)2.5, tensor(2.5f).half().item<Half>());
        Assert.Equal(2.5f, tensor(2.5f).bfloat16().ToSingle());
        Assert.Equal((7, 7L, 7.0, true), (tensor(7.9f).ToInt32(), tensor(7.9f).ToInt64(), tensor(7L).ToDouble(), tensor(7L).ToBoolean()));
        Assert.Equal((2f, 3L), ((float)tensor(2.0), (long)tensor(3L)));
        Assert.Throws<OverflowException>(() => tensor(1L << 40).ToInt32());
    }

    [Fact]
    public void Operators_ThatFail_ThrowAtensMessage()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(2, 3), ones(2, 3));

        var shapes = Assert.Throws<ExternalException>(() => a.matmul(b));
        var size = Assert.Throws<ExternalException>(() => a.view(5));
        var dimension = Assert.Throws<ExternalException>(() => a.sum(7L));

        Assert.Contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", shapes.Message, StringComparison.Ordinal);
        Assert.Contains("shape '[5]' is invalid for input of size 6", size.Message, StringComparison.Ordinal);
        Assert.Contains("Dimension out of range", dimension.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Call_OfAnUnknownOperatorOrWrongArguments_Throws()
    {
        using var scope = NewDisposeScope();
        var x = ones(2);

        Assert.Contains("has no operator aten::nothing", Assert.Throws<ExternalException>(() => TorchSharp.Native.Aten.Call("nothing")).Message, StringComparison.Ordinal);
        Assert.Contains("takes 3 arguments, not 4", Assert.Throws<ExternalException>(() => TorchSharp.Native.Aten.Call("add.Tensor", x, x, 1, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("'other' is missing", Assert.Throws<ExternalException>(() => TorchSharp.Native.Aten.Call("add.Tensor", x)).Message, StringComparison.Ordinal);
        Assert.Throws<ExternalException>(() => TorchSharp.Native.Aten.Call("add.Tensor", x, 2.0));
        Assert.Contains("room for 1", Assert.Throws<ExternalException>(() => TorchSharp.Native.Aten.Call("topk", x, 1)).Message, StringComparison.Ordinal);
        Assert.False(TorchSharp.Native.Aten.Has("nothing"));
    }

    [Fact]
    public void Indexer_Assigned_WritesThrough()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3);

        x[0] = tensor(new[] { 1f, 2f, 3f });
        x[1, 2] = tensor(5f);
        x[TensorIndex.Colon, ..1] = tensor(9f);
        x[x > 4] = tensor(-1f);
        x.index_put_(4, TensorIndex.Single(1), TensorIndex.Single(1));

        // [[9,2,3],[9,0,5]], then everything above 4 is -1, then [1,1] is 4.
        Numbers.Close([-1, 2, 3, -1, 4, -1], x);
        x.index_put_(ones(2), [tensor(new long[] { 0, 0 }), tensor(new long[] { 1, 1 })], accumulate: true);
        Numbers.Close([-1, 4, 3, -1, 4, -1], x);
    }

    [Fact]
    public void Index_WithTooManyItems_Throws()
    {
        using var x = zeros(2, 3);

        Assert.Throws<ArgumentException>(() => x[TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Single(0)]);
        Assert.Throws<ArgumentException>(() => x[TensorIndex.Ellipsis, TensorIndex.Ellipsis]);
        Assert.Throws<ExternalException>(() => x[5]);
    }

    [Fact]
    public void Index_ThatSelectsAll_IsAnObjectOfItsOwn()
    {
        using var x = zeros(2);

        using (var all = x[TensorIndex.Ellipsis])
        {
            all.fill_(1);
        }

        Numbers.Close([1, 1], x);
    }

    [Fact]
    public void To_TheSameType_SharesMemoryUnlessACopyIsAsked()
    {
        using var scope = NewDisposeScope();
        var x = ones(2);

        x.to(float32).fill_(2);
        x.to(float32, copy: true).fill_(3);

        Numbers.Close([2, 2], x);
        var converted = x.to(float64, disposeAfter: true);
        Assert.True(x.IsInvalid);
        Numbers.Close([2, 2], converted);
    }

    [Fact]
    public void Tensor_OfAWrongShape_Throws()
    {
        Assert.Throws<ArgumentException>(() => tensor(new[] { 1f, 2f, 3f }, [2, 2]));
        Assert.Throws<NotSupportedException>(() => zeros(1, names: ["batch"]));
    }

    [Fact]
    public void FromBuffer_OfBytes_ReadsThemAsTheType()
    {
        using var x = frombuffer(new byte[] { 9, 9, 1, 0, 2, 0 }, int16, offset: 1);

        Assert.Equal([1, 2], x.data<short>().ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => frombuffer(new byte[4], int32, count: 2));
    }

    [Fact]
    public void ManualSeed_RandomNumbers_AreThoseOfPython()
    {
        using var scope = NewDisposeScope();

        // torch.manual_seed(7); torch.randn(3); torch.rand(2); torch.randint(0, 100, (4,)); torch.randperm(5)
        manual_seed(7);
        Numbers.Close([-0.146795094, 0.786141276, 0.94682163], randn(3));
        Numbers.Close([0.365316153, 0.851268351], rand(2));
        Assert.Equal([58, 31, 8, 17], randint(0, 100, [4]).data<long>().ToArray());
        Assert.Equal([2, 3, 0, 1, 4], randperm(5).data<long>().ToArray());
        // torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 5, replacement=True)
        Assert.Equal([2, 0, 0, 1, 0], tensor(new[] { 0.1f, 0.2f, 0.7f }).multinomial(5, true).data<long>().ToArray());
    }

    [Fact]
    public void Generator_StatePutBack_RepeatsTheNumbers()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var state = generator.get_state();
        var first = Numbers.Of(randn([4], generator: generator));

        generator.set_state(state);
        Assert.Equal(first, Numbers.Of(randn([4], generator: generator)));
        generator.manual_seed(5);
        Assert.Equal(first, Numbers.Of(empty(4).normal_(generator: generator)));
        Assert.Equal(5, generator.initial_seed());
        Assert.NotEqual(first, Numbers.Of(randn(4)));
    }

    [Fact]
    public void Device_Names_AreRead()
    {
        Assert.Equal((DeviceType.CUDA, 1), (new Device("cuda:1").type, new Device("cuda:1").index));
        Assert.Equal("cuda:1", new Device("cuda:1").ToString());
        Assert.Equal(DeviceType.CPU, ((Device)"cpu").type);
        Assert.Throws<ArgumentException>(() => new Device("tpu"));
    }

    [Fact]
    public void LongLists_BeyondTheStackBuffer_ArePassedWhole()
    {
        using var scope = NewDisposeScope();
        var parts = Enumerable.Range(0, 500).Select(i => tensor((float)i)).ToArray();

        Assert.Equal(499 * 500 / 2, stack(parts).sum().ToDouble());
    }

    [Theory]
    [InlineData(ScalarType.Byte, new byte[] { 1, 2 })]
    [InlineData(ScalarType.Int8, new byte[] { 1, 2 })]
    [InlineData(ScalarType.Bool, new byte[] { 1, 1 })]
    [InlineData(ScalarType.Int16, new byte[] { 1, 0, 2, 0 })]
    [InlineData(ScalarType.Int32, new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 })]
    [InlineData(ScalarType.Int64, new byte[] { 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(ScalarType.Float16, new byte[] { 0x00, 0x3c, 0x00, 0x40 })]
    [InlineData(ScalarType.BFloat16, new byte[] { 0x80, 0x3f, 0x00, 0x40 })]
    [InlineData(ScalarType.Float32, new byte[] { 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40 })]
    [InlineData(ScalarType.Float64, new byte[] { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40 })]
    public void Bytes_OfEveryType_AreTheTensorsOwnMemory(ScalarType type, byte[] expected)
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1f, 2f }).to_type(type).requires_grad_(type is ScalarType.Float32);

        Assert.Equal(expected, x.bytes.ToArray());

        // Not a copy: what is written there is what the tensor holds, through a view as well.
        x.bytes.Clear();
        Numbers.Close([0, 0], x);
        x.bytes[0] = 1;
        Assert.Equal(1, x.detach()[0..1].bytes[0]);
    }

    [Fact]
    public void Sum_OverALiteralZero_IsRefused()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, 3);

        Assert.Contains("0L", Assert.Throws<ArgumentException>(() => x.sum(0)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => sum(x, 0));
        Assert.Throws<ArgumentException>(() => x.prod(0));
        Numbers.Close([3, 3], x.sum(-1));
    }

    [Fact]
    public void Bytes_OfASparseTensor_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var embedding = nn.Embedding(4, 2, sparse: true);
        embedding.forward(tensor(new long[] { 1 })).sum().backward();
        var sparse = embedding.weight!.grad!;

        Assert.Equal([4, 2], sparse.shape);
        // libtorch 1.13 calls it contiguous and has no pointer for it; 2.x does not call it contiguous.
        Assert.True(Record.Exception(() => sparse.bytes.Length) is ExternalException or NotSupportedException);
    }
}
