namespace Rlhf.Modeling.Gguf;

/// <summary>How a ggml type lies in a file: so many numbers make a block of so many bytes.</summary>
internal sealed record GgmlType(string Name, int BlockElements, int BlockBytes)
{
    /// <summary>By number (ggml.h; the sizes are those of GGML_QUANT_SIZES in gguf-py). Types outside the table are refused by name of their number.</summary>
    public static IReadOnlyDictionary<uint, GgmlType> All { get; } = new Dictionary<uint, GgmlType>
    {
        [0] = new("F32", 1, 4),
        [1] = new("F16", 1, 2),
        [2] = new("Q4_0", 32, 18),
        [3] = new("Q4_1", 32, 20),
        [6] = new("Q5_0", 32, 22),
        [7] = new("Q5_1", 32, 24),
        [8] = new("Q8_0", 32, 34),
        [10] = new("Q2_K", 256, 84),
        [11] = new("Q3_K", 256, 110),
        [12] = new("Q4_K", 256, 144),
        [13] = new("Q5_K", 256, 176),
        [14] = new("Q6_K", 256, 210),
        [24] = new("I8", 1, 1),
        [25] = new("I16", 1, 2),
        [26] = new("I32", 1, 4),
        [27] = new("I64", 1, 8),
        [28] = new("F64", 1, 8),
        [30] = new("BF16", 1, 2),
    };

    /// <summary>The bytes of a tensor whose rows are whole blocks.</summary>
    public long Bytes(long elements) => checked(elements / BlockElements * BlockBytes);
}
