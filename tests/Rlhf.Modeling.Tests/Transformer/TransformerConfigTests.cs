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
    public void Load_OfToJsonOfEveryFamily_SameConfig()
    {
        using var directory = new TemporaryDirectory();
        foreach (var (family, config) in TinyModels.Families)
        {
            Assert.Empty(config.Validate());
            File.WriteAllText(directory.File("config.json"), config.ToJson());
            var loaded = TransformerConfig.Load(directory.File("config.json"));

            // Lists are compared by their elements, which records do not do.
            Assert.Equal(config.EosTokenIds, loaded.EosTokenIds);
            Assert.Equal(config.LayerTypes, loaded.LayerTypes);
            Assert.True(config == loaded with { EosTokenIds = config.EosTokenIds, LayerTypes = config.LayerTypes }, $"{family}: {config} became {loaded}");
        }
    }

    [Theory]
    [InlineData("llama", "rope_scaling", """{"type":"su","factor":2}""", "rope_scaling.type is \"su\"")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"linear"}""", "rope_scaling.factor is missing")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"linear","factor":-1}""", "rope_scaling.factor (-1) must be positive")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"llama3","factor":2}""", "llama3 needs original_max_position_embeddings")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"llama3","factor":2,"original_max_position_embeddings":8,"low_freq_factor":4,"high_freq_factor":1}""", "must be above low_freq_factor")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"yarn","factor":2,"mscale":1}""", "rope_scaling.mscale is 1")]
    [InlineData("llama", "rope_scaling", """{"rope_type":"yarn","factor":2,"truncate":false}""", "rope_scaling.truncate is false")]
    [InlineData("llama", "is_encoder_decoder", "true", "is_encoder_decoder is true")]
    [InlineData("gpt2", "add_cross_attention", "true", "add_cross_attention is true")]
    [InlineData("gpt2", "activation_function", "\"selu\"", "activation_function is \"selu\"")]
    [InlineData("gpt2", "n_head", "5", "hidden_size (32) must be num_attention_heads (5) times head_dim (6)")]
    [InlineData("gpt_neox", "rotary_pct", "0.1", "it must be even, at least 2")]
    [InlineData("gpt_neox", "rotary_pct", "1.5", "at most head_dim")]
    [InlineData("bloom", "hidden_act", "\"relu\"", "hidden_act is \"relu\"")]
    [InlineData("phi", "qk_layernorm", "true", "qk_layernorm is true")]
    [InlineData("phi", "tie_word_embeddings", "true", "tie_word_embeddings is true, which is not supported with model_type phi")]
    [InlineData("qwen2", "layer_types", """["full_attention"]""", "must be a list of 2 times")]
    [InlineData("qwen2", "layer_types", """["full_attention","linear_attention"]""", "must be a list of 2 times")]
    [InlineData("qwen2", "layer_types", "7", "layer_types is 7; expected a list of strings")]
    [InlineData("qwen2", "sliding_window", "null", "use_sliding_window is true, but sliding_window is missing")]
    [InlineData("qwen2", "max_window_layers", "-1", "max_window_layers (-1)")]
    [InlineData("mistral", "sliding_window", "0", "sliding_window (0) must be positive")]
    [InlineData("opt", "word_embed_proj_dim", "0", "word_embed_proj_dim (0) must be positive")]
    public void Load_UnsupportedOrIllegalField_NamesIt(string family, string field, string value, string expected)
    {
        var fault = Assert.Throws<InvalidDataException>(() => Load(json => json[field] = JsonNode.Parse(value), TinyModels.Families[family]));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_FieldsOfOtherFamilies_AreRefused()
    {
        Assert.Contains(
            "num_key_value_heads (2) must equal num_attention_heads (4) with model_type gpt2",
            Assert.Single((TinyModels.Families["gpt2"] with { NumKeyValueHeads = 2 }).Validate()),
            StringComparison.Ordinal);
        Assert.Contains(
            "rope_scaling has no meaning with model_type opt",
            Assert.Single((TinyModels.Families["opt"] with { RopeScaling = new RopeScaling("linear", 2) }).Validate()),
            StringComparison.Ordinal);
        Assert.Contains(
            "needs at least 4 turned elements",
            Assert.Single((TinyModels.Config with { PartialRotaryFactor = 0.25, RopeScaling = new RopeScaling("dynamic", 2) }).Validate()),
            StringComparison.Ordinal);
        Assert.Contains(
            "rope_scaling.rope_type \"su\" is not supported",
            Assert.Single((TinyModels.Config with { RopeScaling = new RopeScaling("su", 2) }).Validate()),
            StringComparison.Ordinal);
    }

    [Fact]
    public void MaxPositions_FollowsTheScaling()
    {
        Assert.Equal(64, TinyModels.Config.MaxPositions);
        Assert.Equal(128, (TinyModels.Config with { RopeScaling = new RopeScaling("linear", 2) }).MaxPositions);
        Assert.Equal(160, (TinyModels.Config with { RopeScaling = new RopeScaling("dynamic", 2.5) }).MaxPositions);
        Assert.Equal(80, (TinyModels.Config with { RopeScaling = new RopeScaling("yarn", 4) { OriginalMaxPositionEmbeddings = 20 } }).MaxPositions);
        Assert.Equal(64, TinyModels.Families["llama-llama3"].MaxPositions);
    }

    [Fact]
    public void Load_NewFilesRopeParameters_GiveBasePartAndScaling()
    {
        var config = Load(
            json =>
            {
                json.Remove("rotary_pct");
                json.Remove("rotary_emb_base");
                json.Remove("rope_scaling");
                json["rope_parameters"] = new JsonObject { ["rope_type"] = "linear", ["factor"] = 3, ["rope_theta"] = 500, ["partial_rotary_factor"] = 0.5 };
            },
            TinyModels.Families["gpt_neox"]);
        Assert.Equal((500, 0.5, new RopeScaling("linear", 3)), (config.RopeTheta, config.PartialRotaryFactor, config.RopeScaling));
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

    private static TransformerConfig Load(Action<JsonObject> change, TransformerConfig? config = null)
    {
        using var directory = new TemporaryDirectory();
        var json = JsonNode.Parse((config ?? TinyModels.Config).ToJson())!.AsObject();
        change(json);
        File.WriteAllText(directory.File("config.json"), json.ToJsonString());
        return TransformerConfig.Load(directory.File("config.json"));
    }
}
