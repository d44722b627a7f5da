using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Gguf;

public sealed class GgufRoundingTests
{
    public static TheoryData<string, GgufType> ModelsAndTypes()
    {
        var cases = new TheoryData<string, GgufType>();
        foreach (var name in GgufModels.Configs.Keys)
        {
            cases.Add(name, GgufType.Q8_0);
        }

        cases.Add("gpt2", GgufType.F16);
        cases.Add("llama", GgufType.BF16);
        cases.Add("llama", GgufType.F32);
        return cases;
    }

    /// <summary>What is rounded already is stored as it is: the files are equal only if every weight became what the first one holds.</summary>
    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void Apply_ThenExport_WritesTheSameFile(string name, GgufType type)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs[name]);
        var before = TinyModels.LiveTensors();
        var (first, second) = (Path.Combine(Directory.CreateDirectory(directory.File("1")).FullName, "m.gguf"), Path.Combine(Directory.CreateDirectory(directory.File("2")).FullName, "m.gguf"));
        GgufExport.Write(model, GgufModels.Tokenizer(), first, type);
        var original = TinyModels.Floats(model.Body.TokenEmbedding.weight!);

        GgufRounding.Apply(model, type);

        Assert.Equal(type == GgufType.F32, original.SequenceEqual(TinyModels.Floats(model.Body.TokenEmbedding.weight!)));
        Assert.Equal(before, TinyModels.LiveTensors());
        GgufExport.Write(model, GgufModels.Tokenizer(), second, type);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        using var file = GgufFile.Open(second);
        using var stored = file.Read("token_embd.weight");
        Assert.Equal(TinyModels.Floats(stored), TinyModels.Floats(model.Body.TokenEmbedding.weight!));
    }

    [Fact]
    public void Apply_OneBlock_IsTheHandCalculated()
    {
        using var model = GgufModels.Random(GgufModels.Configs["llama"]);
        using (no_grad())
        {
            // max|x| = 254, d = 254 / 127 = 2; x / d = −127, 0.45, 0.5, −1.5, 3.2 rounds away from zero to −127, 0, 1, −2, 3.
            float[] row = [-254, 0.9f, 1, -3, 6.4f, .. Enumerable.Repeat(0f, 27)];
            model.Body.TokenEmbedding.weight![0].copy_(tensor(row));
        }

        GgufRounding.Apply(model, GgufType.Q8_0);

        float[] expected = [-254, 0, 2, -4, 6, .. Enumerable.Repeat(0f, 27)];
        Assert.Equal(expected, TinyModels.Floats(model.Body.TokenEmbedding.weight![0]));
    }

    [Fact]
    public void Apply_ModelInHalfPrecision_IsRefused()
    {
        using var model = new CausalLanguageModel(GgufModels.Configs["llama"], ScalarType.BFloat16);
        var fault = Assert.Throws<ArgumentException>(() => GgufRounding.Apply(model, GgufType.Q8_0));
        Assert.Contains("load it in Float32", fault.Message, StringComparison.Ordinal);
    }
}
