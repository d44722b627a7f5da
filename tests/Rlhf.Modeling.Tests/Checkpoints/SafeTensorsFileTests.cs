using System.Buffers.Binary;
using System.Text;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Checkpoints;

public sealed class SafeTensorsFileTests
{
    /// <summary>What a header is made of.</summary>
    private const string Signs = "{}[]\",:0129-";

    private const string OneTensor = """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";

    [Fact]
    public void Read_HandMadeFile_GivesItsNumbers()
    {
        using var directory = new TemporaryDirectory();
        byte[] data = [.. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(-2f), .. BitConverter.GetBytes(7L), 0x80, 0x3F, 0x00, 0x3C];
        var path = Make(directory, """
            {"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]},
             "b":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]},"h":{"dtype":"F16","shape":[1,1],"data_offsets":[18,20]},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[20,20]}}
            """, data);
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal(["b", "e", "h", "n", "w"], file.Names);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([1.5f, -2f], file.Read("w").data<float>().ToArray());
        Assert.Equal(7L, file.Read("n").item<long>());
        Assert.Equal(1f, file.Read("b", ScalarType.Float32).item<float>()); // 0x3F80
        Assert.Equal(1f, file.Read("h", ScalarType.Float32).item<float>()); // 0x3C00
        Assert.Equal([0L, 3L], file.Read("e").shape);
        var (dtype, shape) = file.Describe("h");
        Assert.Equal(ScalarType.Float16, dtype);
        Assert.Equal([1L, 1L], shape);
    }

    [Theory]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "\"w\" is listed twice")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"v":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlap")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "4 bytes before tensor \"w\"")]
    [InlineData(OneTensor, 12, "4 bytes after the last tensor")]
    [InlineData(OneTensor, 7, "truncated: tensor \"w\" ends at byte 8")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "needs 12 bytes, but data_offsets span 8")]
    [InlineData("""{"w":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}""", 8, "dtype \"Q4\"")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "shape must be a list of non-negative integers, found -2")]
    [InlineData("""{"w":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "shape must be a list")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4611686018427387904,2],"data_offsets":[0,8]}}""", 8, "overflows")]
    [InlineData("""{"w":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "overflows")]
    [InlineData("""{"w":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""", 8, "dtype \"F8_E4M3\"; supported: F64, F32")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "begin ≤ end")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,16]}}""", 8, "begin ≤ end")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2]}}""", 8, "exactly the fields")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", 8, "exactly the fields")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "__metadata__[\"a\"]")]
    [InlineData("""{"__metadata__":[]}""", 0, "__metadata__ must be an object")]
    [InlineData("[]", 0, "must be a JSON object")]
    [InlineData("{", 0, "not valid JSON")]
    public void Open_DamagedHeader_NamesFileAndFault(string header, int dataBytes, string expected)
    {
        using var directory = new TemporaryDirectory();
        var path = Make(directory, header, new byte[dataBytes]);
        var fault = Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains(path, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_DamagedLength_NamesTheFault()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("x.safetensors");
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Contains("3 bytes", Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, [50, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        Assert.Contains("the header needs 58 bytes, the file has 10", Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)255, 16)]);
        Assert.Contains("at most 100000000", Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => SafeTensorsFile.Open(directory.File("none")));
    }

    [Fact]
    public void Open_EveryTruncationOfAFile_IsRefused()
    {
        using var directory = new TemporaryDirectory();
        var whole = File.ReadAllBytes(Make(directory, OneTensor, new byte[8]));
        var path = directory.File("cut.safetensors");
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path));
        }
    }

    [Fact]
    public void Read_AbsentNameOrDisposedFile_Throws()
    {
        using var directory = new TemporaryDirectory();
        var file = SafeTensorsFile.Open(Make(directory, OneTensor, new byte[8]));
        Assert.Contains("has no tensor \"v\"", Assert.Throws<CheckpointException>(() => file.Read("v")).Message, StringComparison.Ordinal);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read("w"));
    }

    [Fact]
    public void Write_ThenRead_EveryTypeExactly()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var floats = tensor(new[] { 1.5f, -0f, 3.1415927f, 1e-40f, 6f, 7f }, [2, 3]);
        var tensors = new Dictionary<string, Tensor>
        {
            ["plain"] = floats,
            ["transposed"] = floats.transpose(0, 1),
            ["half"] = floats.to_type(ScalarType.Float16),
            ["brain"] = floats.to_type(ScalarType.BFloat16),
            ["long"] = tensor(new long[] { long.MinValue, 3 }),
            ["empty"] = empty([0, 4], dtype: ScalarType.Float32),
            ["ключ \"é"] = floats,
        };
        var path = directory.File("x.safetensors");
        SafeTensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["note"] = "a \"quote\"" });
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal("a \"quote\"", file.Metadata["note"]);
        foreach (var (name, expected) in tensors)
        {
            var actual = file.Read(name);
            Assert.Equal(expected.dtype, actual.dtype);
            Assert.Equal(expected.shape, actual.shape);
            Assert.True(expected.contiguous().bytes.SequenceEqual(actual.bytes), name);
        }

        Assert.Single(Directory.GetFiles(directory.Path));
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(path)) % 8);
    }

    [Fact]
    public void Write_WithType_ConvertsFloatsOnly()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var path = directory.File("x.safetensors");
        SafeTensorsWriter.Write(path, new Dictionary<string, Tensor> { ["f"] = ones(2), ["i"] = tensor(new long[] { 1 }) }, dtype: ScalarType.BFloat16);
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal(ScalarType.BFloat16, file.Describe("f").Dtype);
        Assert.Equal(ScalarType.Int64, file.Describe("i").Dtype);
    }

    [Fact]
    public void Write_UnsupportedType_ThrowsAndKeepsTheOldFile()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var path = directory.File("x.safetensors");
        File.WriteAllText(path, "old");
        Assert.Contains("Int16", Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Write(
            path, new Dictionary<string, Tensor> { ["s"] = ones(2).to_type(ScalarType.Int16) })).Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void Open_MoreDimensionsThanLibtorchHas_IsRefused()
    {
        using var directory = new TemporaryDirectory();
        var shape = string.Join(',', Enumerable.Repeat(1, 65));
        var path = Make(directory, """{"w":{"dtype":"F32","shape":[""" + shape + """],"data_offsets":[0,4]}}""", new byte[4]);
        Assert.Contains("has 65 dimensions; at most 64", Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenAndRead_MutatedFiles_FailOnlyAsTheyShould()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        var valid = directory.File("valid.safetensors");
        SafeTensorsWriter.Write(
            valid,
            new Dictionary<string, Tensor> { ["a.weight"] = ones(3, 4), ["b.bias"] = zeros(5, ScalarType.BFloat16), ["n"] = tensor(new long[] { 1, 2 }) },
            new Dictionary<string, string> { ["format"] = "pt" });
        var original = File.ReadAllBytes(valid);
        var random = new Philox(11);
        var path = directory.File("mutated.safetensors");
        var accepted = 0;
        for (var round = 0; round < 1500; round++)
        {
            File.WriteAllBytes(path, Mutated(original, random));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var inner = NewDisposeScope();
                using var file = SafeTensorsFile.Open(path);
                foreach (var name in file.Names)
                {
                    file.Read(name);
                }

                accepted++;
            }
            catch (CheckpointException)
            {
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        }

        // Changed numbers of tensors are no damage that could be seen; most changes of the header are.
        Assert.InRange(accepted, 50, 750);
    }

    private static byte[] Mutated(byte[] original, Philox random)
    {
        var bytes = original.ToList();
        for (var change = 1 + random.Next(4); change > 0; change--)
        {
            var place = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[place] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[place] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveAt(place);
                    break;
                case 3:
                    bytes.Insert(place, (byte)Signs[random.Next(Signs.Length)]);
                    break;
                default:
                    bytes.RemoveRange(place, Math.Min(random.Next(20), bytes.Count - place));
                    bytes.Add(0);
                    break;
            }
        }

        return [.. bytes];
    }

    private static string Make(TemporaryDirectory directory, string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        var path = directory.File("made.safetensors");
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
        return path;
    }
}
