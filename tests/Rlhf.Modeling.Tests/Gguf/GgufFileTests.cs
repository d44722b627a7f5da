using System.Text;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Gguf;

public sealed class GgufFileTests
{
    [Fact]
    public void Open_HandMadeFile_GivesEveryTypeOfValue()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var path = Write(directory, new Bytes()
            .Start(tensors: 1, keys: 14)
            .Key("u8", 0).Add((byte)200).Key("i8", 1).Add(unchecked((byte)-3)).Key("u16", 2).Add((ushort)60000).Key("i16", 3).Add((short)-2)
            .Key("u32", 4).Add(4000000000u).Key("i32", 5).Add(-5).Key("f32", 6).Add(1.5f).Key("bool", 7).Add((byte)1).Key("text", 8).Text("né")
            .Key("u64", 10).Add(ulong.MaxValue).Key("i64", 11).Add(long.MinValue).Key("f64", 12).Add(0.1)
            .Key("nested", 9).Add(9u).Add(2UL).Add(5u).Add(2UL).Add(1).Add(2).Add(8u).Add(1UL).Text("x")
            .Key("general.alignment", 4).Add(8u)
            .Tensor("b", 30, 0, 2).Pad(8).Add((ushort)0x3F80).Add((ushort)0xC000));
        using var file = GgufFile.Open(path);
        object[] expected = [(byte)200, (sbyte)-3, (ushort)60000, (short)-2, 4000000000u, -5, 1.5f, true, "né", ulong.MaxValue, long.MinValue, 0.1];
        Assert.Equal(expected, file.Metadata.Values.Take(12));
        var nested = Assert.IsType<object[]>(file.Metadata["nested"]);
        Assert.Equal([1, 2], Assert.IsType<int[]>(nested[0]));
        Assert.Equal(["x"], Assert.IsType<string[]>(nested[1]));
        Assert.Equal(["b"], file.Names);
        Assert.Equal([1f, -2f], file.Read("b").data<float>().ToArray()); // 0x3F80 and 0xC000 are the upper halves of 1 and -2.
        var (type, shape, bytes) = file.Describe("b");
        Assert.Equal(("BF16", 2L, 4L), (type, shape[0], bytes));
    }

    public static TheoryData<string, byte[], string> Damaged() => new()
    {
        { "magic", [.. "GGML"u8, .. new byte[30]], "starts with 0x4c4d4747" },
        { "version", new Bytes().Add(0x46554747u).Add(1u).Add(0UL).Add(0UL).Content, "version 1; supported: 2, 3" },
        { "big-endian", new Bytes().Add(0x46554747u).Add(0x03000000u).Add(0UL).Add(0UL).Content, "big-endian" },
        { "tensors", new Bytes().Start(ulong.MaxValue, 0).Content, "18446744073709551615 tensors; at most 0" },
        { "keys", new Bytes().Start(0, 1UL << 40).Content, "1099511627776 metadata keys" },
        { "key length", new Bytes().Start(0, 1).Add(1UL << 60).Add(0UL).Content, "bytes in a string of metadata key 0" },
        { "key beyond 65535", new Bytes().Start(0, 1).Text(new string('k', 65536)).Add(new byte[64]).Content, "65536 bytes in a string of metadata key 0; at most 65535" },
        { "key not UTF-8", new Bytes().Start(0, 1).Add(1UL).Add((byte)0xFF).Add(0UL).Content, "not valid UTF-8" },
        { "value type", new Bytes().Start(0, 1).Key("k", 13).Add(0UL).Content, "metadata key \"k\" has values of type 13" },
        { "element type", new Bytes().Start(0, 1).Key("k", 9).Add(99u).Add(0UL).Content, "values of type 99" },
        { "array length", new Bytes().Start(0, 1).Key("k", 9).Add(12u).Add(1UL << 61).Content, "elements in metadata key \"k\"; at most 0" },
        { "bool", new Bytes().Start(0, 1).Key("k", 7).Add((byte)2).Content, "the bool 2" },
        { "key twice", new Bytes().Start(0, 2).Key("k", 0).Add((byte)1).Key("k", 0).Add((byte)1).Content, "\"k\" is listed twice" },
        { "nesting", Nested(6), "more than 4 deep" },
        { "alignment of another type", new Bytes().Start(0, 1).Key("general.alignment", 10).Add(32UL).Content, "must be a uint32" },
        { "alignment 24", new Bytes().Start(0, 1).Key("general.alignment", 4).Add(24u).Content, "general.alignment is 24" },
        { "alignment 0", new Bytes().Start(0, 1).Key("general.alignment", 4).Add(0u).Content, "general.alignment is 0" },
        { "name beyond 63", new Bytes().Start(1, 0).Tensor(new string('n', 64), 0, 0, 1).Pad(32).Add(1f).Content, "64 bytes in a string of tensor 0; at most 63" },
        { "name twice", new Bytes().Start(2, 0).Tensor("t", 0, 0, 1).Tensor("t", 0, 32, 1).Pad(32).Add(new byte[64]).Content, "\"t\" is listed twice" },
        { "no dimension", new Bytes().Start(1, 0).Tensor("t", 0, 0).Pad(32).Add(1f).Content, "has 0 dimensions" },
        { "five dimensions", new Bytes().Start(1, 0).Tensor("t", 0, 0, 1, 1, 1, 1, 1).Pad(32).Add(1f).Content, "has 5 dimensions" },
        { "tensor type", new Bytes().Start(1, 0).Tensor("t", 4, 0, 1).Pad(32).Add(1f).Content, "ggml type 4" },
        { "part of a block", new Bytes().Start(1, 0).Tensor("t", 8, 0, 33).Pad(32).Add(new byte[68]).Content, "rows of 33 numbers" },
        { "offset", new Bytes().Start(1, 0).Tensor("t", 0, 32, 1).Pad(32).Add(new byte[64]).Content, "offset 32, expected 0" },
        { "offset of the second", new Bytes().Start(2, 0).Tensor("t", 0, 0, 1).Tensor("u", 0, 4, 1).Pad(32).Add(new byte[64]).Content, "offset 4, expected 32" },
        { "overflow", new Bytes().Start(1, 0).Tensor("t", 0, 0, 1L << 33, 1L << 33).Pad(32).Content, "overflows" },
        { "negative", new Bytes().Start(1, 0).Tensor("t", 0, 0, -1).Pad(32).Content, "overflows" },
        { "more than the file", new Bytes().Start(1, 0).Tensor("t", 0, 0, 1L << 40).Pad(32).Content, "truncated: tensor \"t\" needs 4398046511104 bytes" },
        { "cut data", new Bytes().Start(1, 0).Tensor("t", 0, 0, 2).Pad(32).Add(1f).Content, "ends at byte 8 of the data, but the file has only 4" },
        { "more data", new Bytes().Start(1, 0).Tensor("t", 0, 0, 1).Pad(32).Add(new byte[40]).Content, "8 bytes after the last tensor" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Open_DamagedFile_NamesFileAndFault(string what, byte[] content, string expected)
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File($"{what.Replace(' ', '-')}.gguf");
        File.WriteAllBytes(path, content);
        var fault = Assert.Throws<CheckpointException>(() => GgufFile.Open(path));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EveryTruncationOfAFile_IsRefused()
    {
        using var directory = new TemporaryDirectory();
        var whole = SmallFile(directory);
        var path = directory.File("cut.gguf");

        // The last 28 bytes are padding behind the data, which a file may lack.
        for (var length = 0; length < whole.Length - 28; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<CheckpointException>(() => GgufFile.Open(path));
        }
    }

    [Fact]
    public void Open_RandomlyChangedFiles_AreReadOrRefusedWithoutMuchMemory()
    {
        using var directory = new TemporaryDirectory();
        var whole = SmallFile(directory);
        var path = directory.File("changed.gguf");
        var random = new Philox(7);
        var refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var changed = (byte[])whole.Clone();
            for (var change = random.Next(4); change >= 0; change--)
            {
                var at = random.Next(changed.Length);
                changed[at] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, changed);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = GgufFile.Open(path);
                foreach (var name in file.Names.Where(name => Enum.IsDefined(typeof(GgufType), file.Describe(name).Type)))
                {
                    file.Read(name).Dispose();
                }
            }
            catch (CheckpointException)
            {
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
        }

        Assert.InRange(refused, 300, 2999);
    }

    [Fact]
    public void Read_AbsentNameOtherTypeOrDisposedFile_Throws()
    {
        using var directory = new TemporaryDirectory();
        Assert.Throws<FileNotFoundException>(() => GgufFile.Open(directory.File("none")));
        var file = GgufFile.Open(Write(directory, new Bytes().Start(1, 0).Tensor("k", 12, 0, 256).Pad(32).Add(new byte[144])));
        Assert.Equal("Q4_K", file.Describe("k").Type);
        Assert.Contains("of type Q4_K", Assert.Throws<CheckpointException>(() => file.Read("k")).Message, StringComparison.Ordinal);
        Assert.Contains("no tensor \"v\"", Assert.Throws<CheckpointException>(() => file.Read("v")).Message, StringComparison.Ordinal);
        file.Dispose();
        file.Dispose();
        using var other = GgufFile.Open(Write(directory, new Bytes().Start(1, 0).Tensor("t", 0, 0, 1).Pad(32).Add(1f)));
        other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => other.Read("t"));
    }

    private static byte[] SmallFile(TemporaryDirectory directory)
    {
        using var scope = NewDisposeScope();
        var path = directory.File("small.gguf");
        GgufWriter.Write(
            path,
            [new("general.alignment", 32u), new("name", "text"), new("list", new[] { "a", "", "bc" }), new("numbers", new[] { 1f, 2f })],
            [
                new GgufTensor("q", GgufType.Q8_0, [2, 32], () => ones(2, 32)),
                new GgufTensor("h", GgufType.F16, [3], () => ones(3)),
                new GgufTensor("f", GgufType.F32, [1], () => ones(1)),
            ]);
        return File.ReadAllBytes(path);
    }

    private static byte[] Nested(int depth)
    {
        var bytes = new Bytes().Start(0, 1).Key("k", 9);
        for (var i = 0; i < depth; i++)
        {
            bytes.Add(9u).Add(1UL);
        }

        return bytes.Add(0u).Add(0UL).Content;
    }

    private static string Write(TemporaryDirectory directory, Bytes bytes)
    {
        var path = directory.File($"{Guid.NewGuid():N}.gguf");
        File.WriteAllBytes(path, bytes.Content);
        return path;
    }

    /// <summary>A file put together by hand.</summary>
    private sealed class Bytes
    {
        private readonly List<byte> _content = [];

        public byte[] Content => [.. _content];

        public Bytes Add(params byte[] bytes)
        {
            _content.AddRange(bytes);
            return this;
        }

        public Bytes Add(ushort value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(short value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(uint value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(int value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(ulong value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(long value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(float value) => Add(BitConverter.GetBytes(value));

        public Bytes Add(double value) => Add(BitConverter.GetBytes(value));

        public Bytes Text(string text) => Add((ulong)Encoding.UTF8.GetByteCount(text)).Add(Encoding.UTF8.GetBytes(text));

        public Bytes Start(ulong tensors, ulong keys) => Add(0x46554747u).Add(3u).Add(tensors).Add(keys);

        public Bytes Key(string key, uint type) => Text(key).Add(type);

        public Bytes Tensor(string name, uint type, ulong offset, params long[] extents)
        {
            Text(name).Add((uint)extents.Length);
            foreach (var extent in extents)
            {
                Add(extent);
            }

            return Add(type).Add(offset);
        }

        public Bytes Pad(int alignment) => Add(new byte[(alignment - (_content.Count % alignment)) % alignment]);
    }
}
