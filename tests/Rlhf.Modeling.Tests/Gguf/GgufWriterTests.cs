using System.Text;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Gguf;

public sealed class GgufWriterTests
{
    [Fact]
    public void Write_TwoTensors_EveryByteIsThatOfTheSpecification()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var path = directory.File("tiny.gguf");
        var ones = Enumerable.Range(0, 32).Select(i => i - 16f).ToArray();
        var length = GgufWriter.Write(
            path,
            [new("a", "xyz"), new("b", 7u), new("c", new[] { true, false })],
            [
                new GgufTensor("m", GgufType.F16, [2, 3], () => tensor(new[] { 1f, 2f, 3f, -1f, -2f, 0.5f }, [2, 3])),
                new GgufTensor("q", GgufType.Q8_0, [1, 32], () => tensor(ones, [1, 32])),
            ]);

        // docs/gguf.md: magic, version 3, 2 tensors, 3 keys; then keys with their type (8 string, 4 uint32, 9 array of 7 bool) and value.
        byte[] header =
        [
            .. "GGUF"u8, 3, 0, 0, 0, .. U64(2), .. U64(3),
            .. U64(1), .. "a"u8, 8, 0, 0, 0, .. U64(3), .. "xyz"u8,
            .. U64(1), .. "b"u8, 4, 0, 0, 0, 7, 0, 0, 0,
            .. U64(1), .. "c"u8, 9, 0, 0, 0, 7, 0, 0, 0, .. U64(2), 1, 0,

            // Name, 2 dimensions with the row length first, type (1 F16, 8 Q8_0), offset: 12 bytes of F16 are padded to 32.
            .. U64(1), .. "m"u8, 2, 0, 0, 0, .. U64(3), .. U64(2), 1, 0, 0, 0, .. U64(0),
            .. U64(1), .. "q"u8, 2, 0, 0, 0, .. U64(32), .. U64(1), 8, 0, 0, 0, .. U64(32),
        ];

        // 24 + 24 + 17 + 27 + 41 + 41 bytes (three keys: 9+4+11, 9+4+4, 9+4+12+2) make 174, padded to 192.
        Assert.Equal(174, header.Length);
        byte[] halves = [0x00, 0x3C, 0x00, 0x40, 0x00, 0x42, 0x00, 0xBC, 0x00, 0xC0, 0x00, 0x38];

        // max|x| is 16, d = 16/127 = 0.125984: as half 0x3008 (0.125 · (1 + 8/1024) = 0.125977). -16 is -127, -15 is round(-119.0625).
        byte[] block =
        [
            0x08, 0x30,
            .. new[]
            {
                -127, -119, -111, -103, -95, -87, -79, -71, -64, -56, -48, -40, -32, -24, -16, -8,
                0, 8, 16, 24, 32, 40, 48, 56, 64, 71, 79, 87, 95, 103, 111, 119,
            }.Select(value => (byte)(sbyte)value),
        ];
        byte[] expected = [.. header, .. new byte[18], .. halves, .. new byte[20], .. block, .. new byte[30]];
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal(expected.Length, length);
        Assert.Equal(["tiny.gguf"], Directory.GetFiles(directory.Path).Select(Path.GetFileName));

        static byte[] U64(ulong value) => BitConverter.GetBytes(value);
    }

    [Theory]
    [InlineData(GgufType.F16, 70000f)]
    [InlineData(GgufType.F32, float.PositiveInfinity)]
    [InlineData(GgufType.BF16, float.NaN)]
    [InlineData(GgufType.Q8_0, 1e7f)] // d = 78740 has no half-precision form
    public void Write_NumberWithoutFiniteForm_IsRefusedAndLeavesTheOldFile(GgufType type, float value)
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var path = directory.File("x.gguf");
        File.WriteAllText(path, "old");
        var fault = Assert.Throws<CheckpointException>(
            () => GgufWriter.Write(path, [], [new GgufTensor("blk.0.w", type, [1, 32], () => full([1, 32], value))]));
        Assert.Contains("tensor blk.0.w", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"type {type}", fault.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void Quantize_ZerosAndHalves_AreExact()
    {
        // d = 127/127 = 1: the numbers are their own multiples; 0.5 goes away from zero, the number below it to zero.
        var values = new float[64];
        (values[0], values[1], values[2], values[3], values[4]) = (127f, 0.5f, -0.5f, 0.49999997f, 2.5f);
        var blocks = new byte[2 * Q8Blocks.Bytes];
        Assert.True(Q8Blocks.Quantize(values, blocks));
        Assert.Equal([0x00, 0x3C, 127, 1, 255, 0, 3, 0], blocks[..8]);
        Assert.All(blocks[Q8Blocks.Bytes..], value => Assert.Equal(0, value)); // A block of zeros has d = 0.
    }

    [Fact]
    public void Write_MetadataOfAnUnknownType_Throws()
    {
        using var directory = new TemporaryDirectory();
        Assert.Throws<ArgumentException>(() => GgufWriter.Write(directory.File("x"), [new("a", Encoding.UTF8)], []));
        Assert.Empty(Directory.GetFiles(directory.Path));
    }
}
