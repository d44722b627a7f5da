using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Differential;

/// <summary>Tensors in a file that both languages read: safetensors, an 8-byte length, a JSON header, the elements.</summary>
internal static class TensorExchange
{
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var header = new JsonObject();
        var offset = 0L;
        foreach (var (name, tensor) in tensors)
        {
            var end = offset + (tensor.numel() * tensor.element_size());
            header[name] = new JsonObject
            {
                ["dtype"] = tensor.dtype == ScalarType.Int64 ? "I64" : "F32",
                ["shape"] = new JsonArray([.. tensor.shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }

        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        using var file = File.Create(path);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        file.Write(length);
        file.Write(text);
        foreach (var (_, tensor) in tensors)
        {
            file.Write(tensor.bytes);
        }
    }

    public static Dictionary<string, float[]> Read(string path)
    {
        var data = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(data);
        var tensors = new Dictionary<string, float[]>();
        foreach (var (name, entry) in JsonNode.Parse(data.AsSpan(8, length))!.AsObject())
        {
            var (begin, end) = ((int)entry!["data_offsets"]![0]!, (int)entry["data_offsets"]![1]!);
            var numbers = new float[(end - begin) / sizeof(float)];
            Buffer.BlockCopy(data, 8 + length + begin, numbers, 0, end - begin);
            tensors[name] = numbers;
        }

        return tensors;
    }
}
