using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Gguf;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Gguf;

/// <summary>What is written is read again: the names and orders of rows that llama.cpp has are spelled out here a second time.</summary>
public sealed class GgufExportTests
{
    /// <summary>Names within a block, by model_type: Hugging Face's and llama.cpp's (TENSOR_NAMES in gguf-py/gguf/constants.py).</summary>
    private static readonly Dictionary<string, Dictionary<string, string>> BlockNames = new()
    {
        ["llama"] = new()
        {
            ["self_attn.q_proj"] = "attn_q", ["self_attn.k_proj"] = "attn_k", ["self_attn.v_proj"] = "attn_v", ["self_attn.o_proj"] = "attn_output",
            ["self_attn.q_norm"] = "attn_q_norm", ["self_attn.k_norm"] = "attn_k_norm", ["input_layernorm"] = "attn_norm", ["post_attention_layernorm"] = "ffn_norm",
            ["mlp.gate_proj"] = "ffn_gate", ["mlp.up_proj"] = "ffn_up", ["mlp.down_proj"] = "ffn_down",
        },
        ["gpt2"] = new()
        {
            ["ln_1"] = "attn_norm", ["attn.c_attn"] = "attn_qkv", ["attn.c_proj"] = "attn_output", ["ln_2"] = "ffn_norm", ["mlp.c_fc"] = "ffn_up", ["mlp.c_proj"] = "ffn_down",
        },
        ["gpt_neox"] = new()
        {
            ["input_layernorm"] = "attn_norm", ["attention.query_key_value"] = "attn_qkv", ["attention.dense"] = "attn_output", ["post_attention_layernorm"] = "ffn_norm",
            ["mlp.dense_h_to_4h"] = "ffn_up", ["mlp.dense_4h_to_h"] = "ffn_down",
        },
        ["bloom"] = new()
        {
            ["input_layernorm"] = "attn_norm", ["self_attention.query_key_value"] = "attn_qkv", ["self_attention.dense"] = "attn_output",
            ["post_attention_layernorm"] = "ffn_norm", ["mlp.dense_h_to_4h"] = "ffn_up", ["mlp.dense_4h_to_h"] = "ffn_down",
        },
        ["phi"] = new()
        {
            ["self_attn.q_proj"] = "attn_q", ["self_attn.k_proj"] = "attn_k", ["self_attn.v_proj"] = "attn_v", ["self_attn.dense"] = "attn_output",
            ["input_layernorm"] = "attn_norm", ["mlp.fc1"] = "ffn_up", ["mlp.fc2"] = "ffn_down",
        },
    };

    private static readonly Dictionary<string, string> OuterNames = new()
    {
        ["model.embed_tokens"] = "token_embd", ["model.norm"] = "output_norm", ["model.final_layernorm"] = "output_norm", ["lm_head"] = "output",
        ["transformer.wte"] = "token_embd", ["transformer.wpe"] = "position_embd", ["transformer.ln_f"] = "output_norm",
        ["gpt_neox.embed_in"] = "token_embd", ["gpt_neox.final_layer_norm"] = "output_norm", ["embed_out"] = "output",
        ["transformer.word_embeddings"] = "token_embd", ["transformer.word_embeddings_layernorm"] = "token_embd_norm",
    };

    public static TheoryData<string> Models() => [.. GgufModels.Configs.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Write_F32_HoldsEveryWeightUnchanged(string name)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs[name]);
        var before = TinyModels.LiveTensors();
        var path = directory.File("m.gguf");
        var report = GgufExport.Write(model, GgufModels.Tokenizer(), path, GgufType.F32);
        using (var file = GgufFile.Open(path))
        {
            var left = file.Names.ToHashSet();
            foreach (var (hugging, weight) in model.named_parameters())
            {
                using var stored = file.Read(NameOf(model.Config.ModelType, hugging));
                Assert.Equal(weight.shape, stored.shape);
                Assert.Equal(Arranged(model.Config, hugging, weight), TinyModels.Floats(stored));
                left.Remove(NameOf(model.Config.ModelType, hugging));
            }

            Assert.Equal(Extra(name), left.Order());
            Assert.Equal(file.Names.Count, report.Tensors);
            Assert.Equal(new FileInfo(path).Length, report.Bytes);
            Assert.All(file.Names, tensor => Assert.Equal("F32", file.Describe(tensor).Type));
        }

        Assert.Equal(before, TinyModels.LiveTensors());
    }

    [Fact]
    public void Write_NeoXWithoutBiasAndUntied_HasZerosAndTheEmbeddingsAgain()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        using var model = GgufModels.Random(GgufModels.Configs["gpt_neox sequential, tied, without attention_bias"]);
        GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("m.gguf"), GgufType.F32);
        using var file = GgufFile.Open(directory.File("m.gguf"));
        Assert.Equal(new float[96], TinyModels.Floats(file.Read("blk.1.attn_qkv.bias")));
        Assert.Equal(new float[32], TinyModels.Floats(file.Read("blk.1.attn_output.bias")));
        Assert.Equal(TinyModels.Floats(file.Read("token_embd.weight")), TinyModels.Floats(file.Read("output.weight")));
    }

    [Fact]
    public void Write_ModelWithAnAdapter_HasItsUpdateInTheWeights()
    {
        using var directory = new TemporaryDirectory();
        using var scope = NewDisposeScope();
        using var model = GgufModels.Random(GgufModels.Configs["gpt2"]);
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 2, TargetModules = ["c_attn", "c_fc"] }, new Philox(1));
        foreach (var (_, parameter) in adapter.NamedParameters())
        {
            Weights.FillNormal(parameter, new Philox(2), 0.5);
        }

        GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("with.gguf"), GgufType.F32);
        adapter.MergeAndDetach();
        GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("merged.gguf"), GgufType.F32);
        using var with = GgufFile.Open(directory.File("with.gguf"));
        using var merged = GgufFile.Open(directory.File("merged.gguf"));
        Assert.Equal(merged.Names, with.Names);
        foreach (var name in merged.Names)
        {
            Assert.All(
                TinyModels.Floats(merged.Read(name)).Zip(TinyModels.Floats(with.Read(name))), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        }
    }

    [Theory]
    [InlineData(GgufType.F16)]
    [InlineData(GgufType.BF16)]
    [InlineData(GgufType.Q8_0)]
    public void Write_OtherTypes_RoundMatricesAndKeepVectors(GgufType type)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs["gpt2"]);
        var path = directory.File("m.gguf");
        Assert.Empty(GgufExport.Write(model, GgufModels.Tokenizer(), path, type).Notes);
        using var file = GgufFile.Open(path);
        foreach (var (hugging, weight) in model.named_parameters())
        {
            using var scope = NewDisposeScope();
            var tensor = NameOf("gpt2", hugging);
            var stored = file.Read(tensor);
            var matrix = weight.shape.Length == 2 && tensor != "position_embd.weight";
            Assert.Equal(matrix ? type.ToString() : "F32", file.Describe(tensor).Type);
            var expected = TinyModels.Floats(!matrix || type == GgufType.Q8_0
                ? weight
                : weight.to_type(type == GgufType.F16 ? ScalarType.Float16 : ScalarType.BFloat16).to_type(ScalarType.Float32));
            var actual = TinyModels.Floats(stored);
            if (!matrix || type != GgufType.Q8_0)
            {
                Assert.Equal(expected, actual);
                continue;
            }

            for (var block = 0; block < expected.Length; block += 32)
            {
                // Half a step, and what rounding the scale to 11 bits adds to at most 127 steps.
                var step = expected[block..(block + 32)].Max(MathF.Abs) / 127;
                for (var i = block; i < block + 32; i++)
                {
                    Assert.InRange(MathF.Abs(actual[i] - expected[i]), 0, (0.5f * step) + (127 * step / 2048));
                }
            }
        }
    }

    [Fact]
    public void Write_Q8WithRowsOfOtherLengths_StoresThemAsF16AndSaysSo()
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs["llama"] with { IntermediateSize = 40 });
        var report = GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("m.gguf"), GgufType.Q8_0);
        Assert.Equal(["2 matrices are stored as F16: their rows are no multiple of 32 long"], report.Notes);
        using var file = GgufFile.Open(directory.File("m.gguf"));
        Assert.Equal(("F16", "Q8_0"), (file.Describe("blk.0.ffn_down.weight").Type, file.Describe("blk.0.ffn_up.weight").Type));
        Assert.Equal(7u, file.Metadata["general.file_type"]);
    }

    [Fact]
    public void Write_Llama_HasTheMetadataOfTheConverter()
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs["llama"]);
        GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("name.gguf"), GgufType.BF16);
        using var file = GgufFile.Open(directory.File("name.gguf"));
        var expected = new Dictionary<string, object>
        {
            ["general.architecture"] = "llama", ["general.type"] = "model", ["general.name"] = "name", ["general.file_type"] = 32u,
            ["general.quantization_version"] = 2u, ["llama.vocab_size"] = 288u, ["llama.context_length"] = 64u, ["llama.embedding_length"] = 32u,
            ["llama.block_count"] = 2u, ["llama.feed_forward_length"] = 64u, ["llama.attention.head_count"] = 4u, ["llama.attention.head_count_kv"] = 2u,
            ["llama.attention.key_length"] = 8u, ["llama.attention.value_length"] = 8u, ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
            ["llama.rope.dimension_count"] = 8u, ["llama.rope.freq_base"] = 10000f,
        };
        Assert.Equal(expected, file.Metadata.Where(entry => !entry.Key.StartsWith("tokenizer.", StringComparison.Ordinal)).ToDictionary());
    }

    [Fact]
    public void Write_RotaryScaling_HasItsKeysAndFactors()
    {
        var linear = Metadata("llama with linear scaling", out _);
        Assert.Equal(("linear", 2f), ((string)linear["llama.rope.scaling.type"], (float)linear["llama.rope.scaling.factor"]));
        var yarn = Metadata("llama with yarn scaling", out _);
        Assert.Equal(("yarn", 4f, 16u), ((string)yarn["llama.rope.scaling.type"], (float)yarn["llama.rope.scaling.factor"], (uint)yarn["llama.rope.scaling.original_context_length"]));
        Assert.DoesNotContain("llama.rope.scaling.attn_factor", yarn.Keys);

        // llama.cpp multiplies by 0.1 ln 4 + 1 = 1.1386294 itself: 1.3 / 1.1386294.
        Assert.Equal(1.1417236f, (float)Metadata("llama with yarn scaling and attention_factor", out _)["llama.rope.scaling.attn_factor"], 1e-6f);

        // The pairs turn 1, 0.1, 0.01 and 0.001 radians per token: 32, 3.2, … over 2π are 5.09, 0.51, … turns in 32 tokens.
        // Above 4 turns nothing changes, below 1 the factor is 8.
        Metadata("llama with llama3 scaling", out var factors);
        Assert.Equal([1f, 8f, 8f, 8f], factors!.Select(factor => MathF.Round(factor, 4)));
    }

    [Theory]
    [InlineData("opt", "model_type opt has no counterpart in llama.cpp; those that have: bloom, gpt2, gpt_neox, llama, mistral, phi, qwen2, qwen3")]
    [InlineData("activation", "hidden_act is \"relu\"; llama.cpp has gelu_new for gpt2")]
    [InlineData("gated activation", "hidden_act is \"gelu\"; llama.cpp has silu for llama")]
    [InlineData("partial rotary", "partial_rotary_factor is 0.5")]
    [InlineData("head_dim", "head_dim (16) times num_attention_heads (4) must be hidden_size (32)")]
    [InlineData("qwen3 bias", "attention_bias is true")]
    [InlineData("scale", "scale_attn_weights must be true")]
    [InlineData("inverse", "scale_attn_by_inverse_layer_idx false")]
    [InlineData("bloom residual", "apply_residual_connection_post_layernorm must be false")]
    [InlineData("llama3", "rope_scaling of type llama3 is in llama.cpp for llama and mistral, not for qwen2")]
    [InlineData("vocabulary", "the tokenizer has 274 ids, more than the model's vocab_size of 270")]
    [InlineData("two", "llama3 is in llama.cpp for llama and mistral, not for qwen2; the tokenizer has 274 ids")]
    public void Write_WithoutCounterpart_IsRefused(string what, string expected)
    {
        var (llama, gpt2, qwen2) = (GgufModels.Configs["llama"], GgufModels.Configs["gpt2"], GgufModels.Configs["qwen2"]);
        var llama3 = GgufModels.Configs["llama with llama3 scaling"].RopeScaling;
        var config = what switch
        {
            "opt" => gpt2 with { ModelType = "opt", HiddenAct = "relu" },
            "activation" => gpt2 with { HiddenAct = "relu" },
            "gated activation" => llama with { HiddenAct = "gelu" },
            "partial rotary" => llama with { PartialRotaryFactor = 0.5 },
            "head_dim" => qwen2 with { HeadDim = 16 },
            "qwen3 bias" => GgufModels.Configs["qwen3"] with { AttentionBias = true },
            "scale" => gpt2 with { ScaleAttnWeights = false },
            "inverse" => gpt2 with { ScaleAttnByInverseLayerIdx = true },
            "bloom residual" => GgufModels.Configs["bloom"] with { ApplyResidualConnectionPostLayernorm = true },
            "llama3" => qwen2 with { RopeScaling = llama3 },
            "vocabulary" => llama with { VocabSize = 270 },
            _ => qwen2 with { RopeScaling = llama3, VocabSize = 270 },
        };
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(config);
        var path = directory.File("m.gguf");
        var fault = Assert.Throws<CheckpointException>(() => GgufExport.Write(model, GgufModels.Tokenizer(), path, GgufType.F16));
        Assert.StartsWith($"{path}: cannot be written as GGUF: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(directory.Path));
        Assert.Throws<ArgumentException>(() => GgufExport.Write(model, GgufModels.Tokenizer(), path, (GgufType)2));
    }

    [Fact]
    public void Write_WhereLlamaCppDiffers_SaysSo()
    {
        var mistral = GgufModels.Configs["mistral"];
        Assert.Equal(
            ["llama.cpp has no sliding window for this architecture: texts of more than 5 tokens come out differently"],
            Notes(mistral with { SlidingWindow = 5 }));
        Assert.Empty(Notes(mistral with { SlidingWindow = 64 }));
        Assert.Single(Notes(GgufModels.Configs["qwen2"] with { UseSlidingWindow = true, SlidingWindow = 5, MaxWindowLayers = 1 }));
        Assert.Empty(Notes(GgufModels.Configs["qwen2"] with { UseSlidingWindow = true, SlidingWindow = 5, MaxWindowLayers = 2 }));
        Assert.Equal(["hidden_act is the exact gelu; llama.cpp computes its tanh approximation for this architecture"], Notes(GgufModels.Configs["gpt_neox"]));
        Assert.Equal(
            ["rope_scaling of type dynamic is not in llama.cpp: texts of more than 64 tokens come out differently"],
            Notes(mistral with { RopeScaling = new("dynamic", 2) }));
        Assert.Equal(
            ["llama.cpp does not read rope_scaling.beta_fast for this architecture: run it with --yarn-beta-fast 16.5"],
            Notes(mistral with { RopeScaling = new("yarn", 2) { BetaFast = 16.5, BetaSlow = 1 } }));
    }

    private static IReadOnlyList<string> Notes(TransformerConfig config)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(config);
        return GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("m.gguf"), GgufType.F16).Notes;
    }

    private static IReadOnlyDictionary<string, object> Metadata(string name, out float[]? factors)
    {
        using var directory = new TemporaryDirectory();
        using var model = GgufModels.Random(GgufModels.Configs[name]);
        GgufExport.Write(model, GgufModels.Tokenizer(), directory.File("m.gguf"), GgufType.F16);
        using var file = GgufFile.Open(directory.File("m.gguf"));
        using var scope = NewDisposeScope();
        factors = file.Names.Contains("rope_freqs.weight") ? TinyModels.Floats(file.Read("rope_freqs.weight")) : null;
        return file.Metadata;
    }

    private static IEnumerable<string> Extra(string name) => name switch
    {
        "llama with llama3 scaling" => ["rope_freqs.weight"],
        "gpt_neox sequential, tied, without attention_bias" =>
            ["blk.0.attn_output.bias", "blk.0.attn_qkv.bias", "blk.1.attn_output.bias", "blk.1.attn_qkv.bias", "output.weight"],
        _ => [],
    };

    private static string NameOf(string modelType, string hugging)
    {
        var family = BlockNames.GetValueOrDefault(modelType, BlockNames["llama"]);
        var cut = hugging.LastIndexOf('.');
        var (module, part) = (hugging[..cut], hugging[cut..]);
        var pieces = module.Split('.');
        return OuterNames.TryGetValue(module, out var outer) ? outer + part : $"blk.{pieces[2]}.{family[string.Join('.', pieces[3..])]}{part}";
    }

    /// <summary>The weights in the order of rows that the file must have, put together element by element.</summary>
    private static float[] Arranged(TransformerConfig config, string name, Tensor weight)
    {
        var values = TinyModels.Floats(weight);
        var (rows, width) = ((int)weight.shape[0], values.Length / (int)weight.shape[0]);
        Func<int, int>? source = null;
        if (config.ModelType is "llama" or "mistral" && (name.Contains("q_proj", StringComparison.Ordinal) || name.Contains("k_proj", StringComparison.Ordinal)))
        {
            // Rows 2i and 2i + 1 of a head were i and i + E/2.
            var head = config.HeadDim;
            source = row => (row / head * head) + (row % head / 2) + (row % 2 * (head / 2));
        }
        else if (config.ModelType is "bloom" or "gpt_neox" && name.Contains("query_key_value", StringComparison.Ordinal))
        {
            // Row e of head h in part p (q, k, v) was row e of part p in head h.
            var (heads, head) = (config.NumAttentionHeads, config.HeadDim);
            source = row => (((row / head % heads) * 3) + (row / (head * heads))) * head + (row % head);
        }

        return source is null ? values : [.. Enumerable.Range(0, rows).SelectMany(row => values[(source(row) * width)..((source(row) + 1) * width)])];
    }
}
