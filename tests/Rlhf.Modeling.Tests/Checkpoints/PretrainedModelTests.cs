using System.Text.Json.Nodes;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Checkpoints;

public sealed class PretrainedModelTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly CausalLanguageModel _model = TinyModels.Causal(TinyModels.Config with { TieWordEmbeddings = false, EosTokenIds = [1, 4] });

    private string Target => _directory.File("model");

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Save_ThenLoad_BitEqualInSinglePrecision()
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        using var loaded = PretrainedModel.LoadCausal(Target);
        Assert.Equal(Parameters(_model), Parameters(loaded));
        Assert.Equal([1, 4], loaded.Config.EosTokenIds);
        Assert.Equal(TinyModels.Tokenizer().Fingerprint, Tokenizer.Load(Target).Fingerprint);
        Assert.Equal(
            ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
            Directory.GetFiles(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Save_InBfloat16_RoundsOnceThenStays()
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target, ScalarType.BFloat16);
        using var loaded = PretrainedModel.LoadCausal(Target);
        foreach (var ((name, original), (_, rounded)) in _model.named_parameters().Zip(loaded.named_parameters()))
        {
            Assert.Equal(ScalarType.Float32, rounded.dtype);
            Assert.True(original.to_type(ScalarType.BFloat16).to_type(ScalarType.Float32).bytes.SequenceEqual(rounded.bytes), name);
        }

        var second = _directory.File("second");
        PretrainedModel.Save(loaded, TinyModels.Tokenizer(), second, ScalarType.BFloat16);
        Assert.Equal(CheckpointHash.Compute(Target), CheckpointHash.Compute(second));
    }

    [Fact]
    public void Save_ScalarModel_LoadsAsScalarOnly()
    {
        using var scalar = ScalarHeadModel.FromCausal(_model, new Philox(2));
        PretrainedModel.Save(scalar, TinyModels.Tokenizer(), Target);
        using var loaded = PretrainedModel.LoadScalar(Target);
        Assert.Equal(Parameters(scalar), Parameters(loaded));
        var fault = Assert.Throws<CheckpointException>(() => PretrainedModel.LoadCausal(Target));
        Assert.Contains("missing tensors: lm_head.weight; unexpected tensors: score.weight", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_OverAnExistingDirectory_ReplacesItWhole()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "old.txt"), "old");
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        Assert.False(File.Exists(Path.Combine(Target, "old.txt")));
        Assert.Equal(["model"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Save_NotFiniteWeight_NamesItAndLeavesTheDirectoryUntouched()
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        var before = CheckpointHash.Compute(Target);
        using (no_grad())
        {
            _model.Body.Layers[1].FeedForward.Up.weight[3, 2] = float.NaN;
        }

        var fault = Assert.Throws<CheckpointException>(() => PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target));
        Assert.Contains("model.layers.1.mlp.up_proj.weight holds NaN", fault.Message, StringComparison.Ordinal);
        Assert.Equal(before, CheckpointHash.Compute(Target));
        Assert.Equal(["model"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Save_PlaceTakenByAFile_LeavesItAndNothingBeside()
    {
        File.WriteAllText(Target, "a file");
        Assert.ThrowsAny<IOException>(() => PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target));
        Assert.Equal("a file", File.ReadAllText(Target));
        Assert.Equal(["model"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Save_AsIntegers_Throws() => Assert.Contains(
        "Int64", Assert.Throws<ArgumentException>(() => PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target, ScalarType.Int64)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Load_NotFiniteWeight_NamesTheTensor(float broken)
    {
        Rewrite(tensors =>
        {
            var norm = tensors["model.norm.weight"].clone();
            norm[0] = broken;
            tensors["model.norm.weight"] = norm;
        });
        AssertLoadFails("tensor model.norm.weight holds NaN or infinite weights");
    }

    [Fact]
    public void Load_MissingUnexpectedAndMisshapenTensors_AllNamed()
    {
        Rewrite(tensors =>
        {
            tensors.Remove("model.norm.weight");
            tensors.Remove("model.layers.0.mlp.up_proj.weight");
            tensors["extra.weight"] = ones(2);
            tensors["lm_head.weight"] = ones([3, 3]);
        });
        AssertLoadFails(
            "missing tensors: model.layers.0.mlp.up_proj.weight, model.norm.weight",
            "unexpected tensors: extra.weight",
            "tensor lm_head.weight has shape [3, 3], the config needs [48, 32]");
    }

    [Fact]
    public void Load_TruncatedWeights_SaysSo()
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        var path = Path.Combine(Target, "model.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^5]);
        AssertLoadFails("model.safetensors: truncated");
    }

    [Fact]
    public void Load_AbsentFiles_AreNamed()
    {
        Directory.CreateDirectory(Target);
        AssertLoadFails("has no config.json");
        File.WriteAllText(Path.Combine(Target, "config.json"), _model.Config.ToJson());
        AssertLoadFails("has no model.safetensors");
        File.WriteAllText(Path.Combine(Target, "config.json"), """{"model_type":"bert"}""");
        AssertLoadFails("model_type \"bert\" is not supported");
    }

    [Fact]
    public void Load_ScoreBiasNotANumber_NamesTheField()
    {
        using var scalar = ScalarHeadModel.FromCausal(_model, new Philox(2));
        PretrainedModel.Save(scalar, TinyModels.Tokenizer(), Target);
        EditConfig(json => json["score_bias"] = "high");
        Assert.Contains("score_bias is \"high\"", Assert.Throws<CheckpointException>(() => PretrainedModel.LoadScalar(Target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TiedHeadStoredTwice_AcceptedOnlyIfEqual()
    {
        using var tied = TinyModels.Causal();
        Rewrite(tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone(), tied);
        using (var loaded = PretrainedModel.LoadCausal(Target))
        {
            Assert.Equal(Parameters(tied), Parameters(loaded));
        }

        Rewrite(tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 1f, tied);
        AssertLoadFails("lm_head.weight differs from model.embed_tokens.weight");
    }

    [Fact]
    public void Load_RotaryFrequenciesOfOldCheckpoints_AreIgnored()
    {
        Rewrite(tensors => tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ones(4));
        using var loaded = PretrainedModel.LoadCausal(Target);
        Assert.Equal(Parameters(_model), Parameters(loaded));
    }

    [Fact]
    public void Load_Shards_ReadsAllAndRefusesFaults()
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        File.Delete(Path.Combine(Target, "model.safetensors"));
        var tensors = _model.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        var halves = tensors.GroupBy(entry => entry.Key.Contains("layers.0", StringComparison.Ordinal) ? "a.safetensors" : "b.safetensors").ToArray();
        var map = new JsonObject();
        foreach (var half in halves)
        {
            SafeTensorsWriter.Write(Path.Combine(Target, half.Key), half.ToDictionary());
            foreach (var (name, _) in half)
            {
                map[name] = half.Key;
            }
        }

        var index = Path.Combine(Target, "model.safetensors.index.json");
        File.WriteAllText(index, new JsonObject { ["weight_map"] = map }.ToJsonString());
        using (var loaded = PretrainedModel.LoadCausal(Target))
        {
            Assert.Equal(Parameters(_model), Parameters(loaded));
        }

        SafeTensorsWriter.Write(Path.Combine(Target, "a.safetensors"), tensors);
        AssertLoadFails("is in two files");
        File.WriteAllText(index, """{"weight_map":{"x":"../outside.safetensors"}}""");
        AssertLoadFails("must be a file name without a folder");
        foreach (var damaged in (string[])["""{"weights":1}""", """{"weight_map":[]}""", """{"weight_map":{"x":1}}""", "[]", "{"])
        {
            File.WriteAllText(index, damaged);
            AssertLoadFails("model.safetensors.index.json: must hold weight_map");
        }

        File.WriteAllText(index, """{"weight_map":{"x":null}}""");
        AssertLoadFails("must be a file name");
    }

    [Theory]
    [InlineData(ScalarType.Float32, "float32")]
    [InlineData(ScalarType.Float16, "float16")]
    [InlineData(ScalarType.BFloat16, "bfloat16")]
    public void Save_EveryFamilyInOneFileOrShards_LoadsBitEqualAndSavesTheSameFiles(ScalarType dtype, string name)
    {
        var tokenizer = TinyModels.Tokenizer();
        foreach (var (family, config) in TinyModels.Families)
        {
            using var model = TinyModels.Causal(config);
            model.to(dtype);
            foreach (var maxShardSize in (long[])[1 << 30, 6000])
            {
                var (first, second) = (_directory.File($"{family}-{maxShardSize}"), _directory.File($"{family}-{maxShardSize}-again"));
                PretrainedModel.Save(model, tokenizer, first, maxShardSize: maxShardSize);
                Assert.Equal(maxShardSize > 6000, File.Exists(Path.Combine(first, "model.safetensors")));
                Assert.Equal(name, JsonNode.Parse(File.ReadAllText(Path.Combine(first, "config.json")))!["torch_dtype"]!.GetValue<string>());
                using var loaded = PretrainedModel.LoadCausal(first, dtype);
                foreach (var ((parameterName, expected), (_, actual)) in model.named_parameters().Zip(loaded.named_parameters()))
                {
                    Assert.Equal(dtype, actual.dtype);
                    Assert.True(expected.bytes.SequenceEqual(actual.bytes), $"{family}: {parameterName}");
                }

                PretrainedModel.Save(loaded, tokenizer, second, maxShardSize: maxShardSize);
                Assert.Equal(CheckpointHash.Compute(first), CheckpointHash.Compute(second));
            }
        }
    }

    [Fact]
    public void Save_Shards_NamesSizesAndIndexAreThoseOfTransformers()
    {
        // Embedding and head: 48 · 32 · 4 = 6144 bytes each, larger than a shard; the largest other matrix has 40 · 32 · 4 = 5120.
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target, maxShardSize: 5500);
        var files = Directory.GetFiles(Target, "*.safetensors").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(Enumerable.Range(1, files.Length).Select(i => $"model-{i:D5}-of-{files.Length:D5}.safetensors"), files);
        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(Target, "model.safetensors.index.json")))!;
        Assert.Equal(_model.parameters().Sum(parameter => 4 * parameter.numel()), index["metadata"]!["total_size"]!.GetValue<long>());
        var map = index["weight_map"]!.AsObject().ToDictionary(entry => entry.Key, entry => entry.Value!.GetValue<string>());
        Assert.Equal(_model.named_parameters().Select(entry => entry.name).Order(StringComparer.Ordinal), map.Keys.Order(StringComparer.Ordinal));
        foreach (var file in files)
        {
            using var shard = SafeTensorsFile.Open(Path.Combine(Target, file));
            Assert.All(shard.Names, name => Assert.Equal(file, map[name]));
            var bytes = shard.Names.Sum(name => 4 * shard.Describe(name).Shape.Aggregate(1L, (product, extent) => product * extent));
            Assert.True(bytes <= 5500 || shard.Names.Count == 1, $"{file} has {bytes} bytes");
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target, maxShardSize: 0));
    }

    [Fact]
    public void Load_MixedTypes_InTheWantedOne()
    {
        var original = Parameters(_model);
        ScalarType[] types = [ScalarType.BFloat16, ScalarType.Float16, ScalarType.Float32, ScalarType.Float64];
        Rewrite(tensors =>
        {
            foreach (var (name, i) in tensors.Keys.ToArray().Select((name, i) => (name, i)))
            {
                tensors[name] = tensors[name].to_type(types[i % types.Length]);
            }
        });
        using var single = PretrainedModel.LoadCausal(Target);
        Assert.All(Parameters(single), entry => Assert.All(entry.Value.Zip(original[entry.Key]), pair => Assert.Equal(pair.Second, pair.First, 0.01f)));
        using var half = PretrainedModel.LoadCausal(Target, ScalarType.Float16);
        foreach (var ((name, expected), (_, actual)) in single.named_parameters().Zip(half.named_parameters()))
        {
            Assert.True(expected.to_type(ScalarType.Float16).bytes.SequenceEqual(actual.bytes), name);
        }
    }

    [Fact]
    public void Load_NumberBeyondFloat16_IsRefusedThereOnly()
    {
        Rewrite(tensors => tensors["model.norm.weight"] = full([32], 70000f));
        using (PretrainedModel.LoadCausal(Target))
        {
        }

        var fault = Assert.Throws<CheckpointException>(() => PretrainedModel.LoadCausal(Target, ScalarType.Float16));
        Assert.Contains("model.norm.weight holds NaN or infinite", fault.Message, StringComparison.Ordinal);
        Assert.Contains("Int64", Assert.Throws<ArgumentException>(() => PretrainedModel.LoadCausal(Target, ScalarType.Int64)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama", "rotary_emb.inv_freq")]
    [InlineData("gpt2", "h.0.attn.bias,h.0.attn.masked_bias")]
    [InlineData("gpt_neox", "layers.0.attention.bias,layers.0.attention.masked_bias,layers.0.attention.rotary_emb.inv_freq")]
    [InlineData("opt", "")]
    [InlineData("bloom", "")]
    public void Load_FileOfTheStackAloneWithBuffers_IsThatOfTheModel(string family, string buffers)
    {
        using var model = TinyModels.Causal(TinyModels.Families[family] with { TieWordEmbeddings = true });
        PretrainedModel.Save(model, TinyModels.Tokenizer(), Target);
        var path = Path.Combine(Target, "model.safetensors");
        using (var file = SafeTensorsFile.Open(path))
        {
            var tensors = file.Names.ToDictionary(name => name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..], name => file.Read(name));
            foreach (var buffer in buffers.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                tensors[$"{(family == "llama" ? "layers.1.self_attn." : "")}{buffer}"] = ones(1, 1, 4, 4);
            }

            SafeTensorsWriter.Write(path, tensors);
        }

        using (var loaded = PretrainedModel.LoadCausal(Target))
        {
            Assert.Equal(Parameters(model), Parameters(loaded));
        }
    }

    [Fact]
    public void Save_Gpt2_StoresItsMatricesAsTheReferenceDoes()
    {
        using var model = TinyModels.Causal(TinyModels.Families["gpt2"]);
        PretrainedModel.Save(model, TinyModels.Tokenizer(), Target);
        using var file = SafeTensorsFile.Open(Path.Combine(Target, "model.safetensors"));
        Assert.Equal([32L, 96L], file.Describe("transformer.h.0.attn.c_attn.weight").Shape);
        var expected = model.Body.Layers[0].Attention.Fused!.weight.transpose(0, 1);
        Assert.Equal(TinyModels.Floats(expected), TinyModels.Floats(file.Read("transformer.h.0.attn.c_attn.weight")));
    }

    [Theory]
    [InlineData("num_hidden_layers", 2000000000)]
    [InlineData("vocab_size", 2000000000)]
    [InlineData("intermediate_size", 2000000000)]
    public void Load_ConfigOfAHugeModel_IsRefusedBeforeMemoryIsReserved(string field, int value)
    {
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), Target);
        EditConfig(json => json[field] = value);
        AssertLoadFails("the config needs more than", "the files hold");
    }

    [Fact]
    public void Load_Failing_LeavesNoTensors()
    {
        // TorchSharp goes on counting the tensor that a parameter was made of, so what a whole load and its disposal leave is the measure.
        Rewrite(_ => { });
        var before = TinyModels.LiveTensors();
        PretrainedModel.LoadCausal(Target).Dispose();
        var left = TinyModels.LiveTensors() - before;
        Rewrite(tensors => tensors.Remove("model.norm.weight"));
        before = TinyModels.LiveTensors();
        Assert.Throws<CheckpointException>(() => PretrainedModel.LoadCausal(Target));
        Assert.Equal(left, Rlhf.Torch.Extensions.TorchRuntime.LiveTensors - before);
    }

    [Fact]
    public void Compute_NamesAndContents_CountDatesDoNot()
    {
        Directory.CreateDirectory(_directory.File("a", "sub"));
        File.WriteAllText(_directory.File("a", "x"), "1");
        File.WriteAllText(_directory.File("a", "sub", "y"), "2");
        var hash = CheckpointHash.Compute(_directory.File("a"));
        File.SetLastWriteTimeUtc(_directory.File("a", "x"), DateTime.UnixEpoch);
        Assert.Equal(hash, CheckpointHash.Compute(_directory.File("a")));
        File.Move(_directory.File("a", "x"), _directory.File("a", "z"));
        var renamed = CheckpointHash.Compute(_directory.File("a"));
        Assert.NotEqual(hash, renamed);
        File.WriteAllText(_directory.File("a", "z"), "3");
        Assert.NotEqual(renamed, CheckpointHash.Compute(_directory.File("a")));
        Assert.Matches("^[0-9a-f]{64}$", hash);
    }

    private static Dictionary<string, float[]> Parameters(nn.Module model) =>
        model.named_parameters().ToDictionary(entry => entry.name, entry => TinyModels.Floats(entry.parameter));

    private void Rewrite(Action<Dictionary<string, Tensor>> change, CausalLanguageModel? model = null)
    {
        PretrainedModel.Save(model ?? _model, TinyModels.Tokenizer(), Target);
        using var noGrad = no_grad();
        var tensors = (model ?? _model).named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);
        change(tensors);
        SafeTensorsWriter.Write(Path.Combine(Target, "model.safetensors"), tensors);
    }

    private void EditConfig(Action<JsonObject> change)
    {
        var path = Path.Combine(Target, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    private void AssertLoadFails(params string[] expected)
    {
        var fault = Assert.Throws<CheckpointException>(() => PretrainedModel.LoadCausal(Target));
        Assert.All(expected, part => Assert.Contains(part, fault.Message, StringComparison.Ordinal));
    }
}
