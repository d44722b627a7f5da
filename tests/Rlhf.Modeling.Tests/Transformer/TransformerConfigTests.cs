using System.Text.Json.Nodes;
using Rlhf.Modeling.Transformer;

namespace Rlhf.Modeling.Tests.Transformer;

public sealed class TransformerConfigTests
{
    [Fact]
    public void Load_OfToJson_SameConfig()
    {
        using var directory = new TemporaryDirectory();
        var config = TinyModels.Config with { EosTokenIds = [1, 3], AttentionBias = true, MlpBias = true, RopeTheta = 500000.5 };
        File.WriteAllText(directory.File("config.json"), config.ToJson());
        var loaded = TransformerConfig.Load(directory.File("config.json"));
        Assert.Equal([1, 3], loaded.EosTokenIds);
        Assert.Equal(config with { EosTokenIds = loaded.EosTokenIds }, loaded);
    }

    [Fact]
    public void Load_GenerationConfigBeside_ItsEosRules()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("config.json"), TinyModels.Config.ToJson());
        File.WriteAllText(directory.File("generation_config.json"), """{"eos_token_id":[5,6]}""");
        Assert.Equal([5, 6], TransformerConfig.Load(directory.File("config.json")).EosTokenIds);
    }

    [Fact]
    public void Load_RopeParametersObject_GivesTheBase()
    {
        Assert.Equal(123, Load(json => json["rope_parameters"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 123 }).RopeTheta);
    }

    [Fact]
    public void Load_OldFile_DerivesHeadDimAndKeyValueHeads()
    {
        var config = Load(json =>
        {
            json.Remove("head_dim");
            json.Remove("num_key_value_heads");
        });
        Assert.Equal((8, 4), (config.HeadDim, config.NumKeyValueHeads));
    }

    [Fact]
    public void Load_UnknownArchitecture_NamesItAndTheSupported()
    {
        var fault = Assert.Throws<InvalidDataException>(() => Load(json => json["model_type"] = "mamba"));
        Assert.Contains("\"mamba\"", fault.Message, StringComparison.Ordinal);
        Assert.Contains("supported: bloom, gpt2, gpt_neox, llama, mistral, opt, phi, qwen2, qwen3", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_SeveralFaults_AllListed()
    {
        var fault = Assert.Throws<InvalidDataException>(() => Load(json =>
        {
            json.Remove("vocab_size");
            json["hidden_size"] = "big";
            json["rope_scaling"] = new JsonObject { ["type"] = "linear" };
            json["quantization_config"] = new JsonObject();
            json["hidden_act"] = "quick_gelu";
            json["tie_word_embeddings"] = 1;
            json["rms_norm_eps"] = "small";
            json["eos_token_id"] = "x";
            json["rope_parameters"] = new JsonObject { ["rope_type"] = "longrope" };
        }));
        foreach (var part in (string[])[
            "vocab_size is missing", "hidden_size is \"big\"", "hidden_act is \"quick_gelu\"", "quantization_config is {}", "tie_word_embeddings is 1",
            "rms_norm_eps is \"small\"", "eos_token_id is \"x\"", "rope_parameters.rope_type is \"longrope\"", "config.json"])
        {
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_AbsentOrBrokenFile_NamesIt()
    {
        using var directory = new TemporaryDirectory();
        Assert.Throws<FileNotFoundException>(() => TransformerConfig.Load(directory.File("config.json")));
        File.WriteAllText(directory.File("config.json"), "[]");
        Assert.Contains("config.json", Assert.Throws<InvalidDataException>(() => TransformerConfig.Load(directory.File("config.json"))).Message, StringComparison.Ordinal);
        File.WriteAllText(directory.File("config.json"), "{");
        Assert.Contains("config.json", Assert.Throws<InvalidDataException>(() => TransformerConfig.Load(directory.File("config.json"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_EveryFaultAtOnce()
    {
        var faults = new TransformerConfig
        {
            ModelType = "gpt5",
            NumAttentionHeads = 3,
            NumKeyValueHeads = 2,
            HeadDim = 5,
            MaxPositionEmbeddings = 0,
            RmsNormEps = 0,
            RopeTheta = double.NaN,
            InitializerRange = -1,
            BosTokenId = 9,
            PadTokenId = -1,
            EosTokenIds = [7],
        }.Validate();
        foreach (var field in (string[])[
            "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "multiple of num_key_value_heads", "head_dim",
            "max_position_embeddings", "rms_norm_eps", "rope_theta", "initializer_range", "bos_token_id", "pad_token_id", "eos_token_id"])
        {
            Assert.Contains(faults, fault => fault.Contains(field, StringComparison.Ordinal));
        }

        Assert.Empty(TinyModels.Config.Validate());
    }

    private static TransformerConfig Load(Action<JsonObject> change)
    {
        using var directory = new TemporaryDirectory();
        var json = JsonNode.Parse(TinyModels.Config.ToJson())!.AsObject();
        change(json);
        File.WriteAllText(directory.File("config.json"), json.ToJsonString());
        return TransformerConfig.Load(directory.File("config.json"));
    }
}
