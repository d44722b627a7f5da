using System.Text.Json.Nodes;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Transformer;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Adapters;

public sealed class LoraFilesTests : IDisposable
{
    /// <summary>What PEFT 0.11 writes for <c>LoraConfig(r=2, lora_alpha=6, lora_dropout=0.05, target_modules=["v_proj"], task_type="CAUSAL_LM")</c>.</summary>
    private const string PeftConfig = """
        {
          "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "org/base", "bias": "none", "fan_in_fan_out": false,
          "inference_mode": true, "init_lora_weights": true, "layer_replication": null, "layers_pattern": null, "layers_to_transform": null,
          "loftq_config": {}, "lora_alpha": 6, "lora_dropout": 0.05, "megatron_config": null, "megatron_core": "megatron.core",
          "modules_to_save": null, "peft_type": "LORA", "r": 2, "rank_pattern": {}, "revision": null, "target_modules": ["v_proj"],
          "task_type": "CAUSAL_LM", "use_dora": false, "use_rslora": false
        }
        """;

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryDirectory _directory = new();
    private readonly CausalLanguageModel _model = TinyModels.Causal();

    public void Dispose()
    {
        _model.Dispose();
        _directory.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Load_DirectoryAsPeftWritesIt_AddsTheScaledProducts()
    {
        Write(PeftConfig, Tensors());
        var ids = TinyModels.Ids([5, 9, 14]);
        using var merged = TinyModels.Causal();
        using (no_grad())
        {
            foreach (var layer in merged.Body.Layers)
            {
                // alpha / r = 3; A is all 0.1, B all 0.2, rank 2: every element grows by 3 · 2 · 0.02.
                layer.Attention.Value!.weight.add_(0.12f);
            }
        }

        var adapter = LoraAdapter.Load(_model, _directory.Path);
        Assert.Equal(("org/base", 0.05, 3.0), (adapter.Config.BaseModelNameOrPath, adapter.Config.LoraDropout, adapter.Config.Scaling));
        Assert.All(
            TinyModels.Floats(merged.forward(ids)).Zip(TinyModels.Floats(_model.forward(ids))), pair => Assert.Equal(pair.First, pair.Second, 2e-5f));
    }

    [Fact]
    public void Save_OfALoadedAdapter_WritesTheSameFieldsAndTensors()
    {
        Write(PeftConfig, Tensors());
        LoraAdapter.Load(_model, _directory.Path).Save(_directory.File("again"));
        var original = JsonNode.Parse(PeftConfig)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(File.ReadAllText(_directory.File("again", "adapter_config.json")))!.AsObject())
        {
            Assert.True(JsonNode.DeepEquals(original[name], value), name);
        }

        using var file = SafeTensorsFile.Open(_directory.File("again", "adapter_model.safetensors"));
        Assert.Equal(Tensors().Keys.Order(StringComparer.Ordinal), file.Names);
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "peft_type is \"IA3\"")]
    [InlineData("bias", "\"all\"", "bias is \"all\"")]
    [InlineData("use_dora", "true", "use_dora is true")]
    [InlineData("rank_pattern", """{"q":4}""", "rank_pattern is")]
    [InlineData("layers_to_transform", "[1]", "layers_to_transform is [1]")]
    [InlineData("target_modules", "[1]", "expected a list of strings")]
    [InlineData("target_modules", "null", "target_modules must be")]
    [InlineData("target_modules", "[\"c_attn\"]", "\"c_attn\" match no projection")]
    [InlineData("r", "0", "r (0) must be at least 1")]
    [InlineData("r", "2000000000", "r is 2000000000, which no tensor")]
    [InlineData("r", "1", "has shape [2, 32], the model needs [1, 32]")]
    public void Load_WhatIsNotImplementedOrDoesNotFit_IsNamed(string field, string value, string expected)
    {
        var json = JsonNode.Parse(PeftConfig)!.AsObject();
        json[field] = JsonNode.Parse(value);
        Write(json.ToJsonString(), Tensors());
        AssertRefused(expected);
    }

    [Fact]
    public void Load_MissingUnexpectedOrBrokenTensors_AreNamedAndTheModelIsAsBefore()
    {
        var tensors = Tensors();
        tensors.Remove("base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight");
        tensors["base_model.model.extra"] = ones(2);
        Write(PeftConfig, tensors);
        AssertRefused("missing tensor base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight; unexpected tensor base_model.model.extra");
        tensors = Tensors();
        tensors["base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight"] = full([2, 32], float.NaN);
        Write(PeftConfig, tensors);
        AssertRefused("layers.0.self_attn.v_proj.lora_A.weight holds NaN");
        File.Delete(_directory.File("adapter_model.safetensors"));
        AssertRefused("has no adapter_model.safetensors");
        File.WriteAllText(_directory.File("adapter_config.json"), "{");
        AssertRefused("not valid JSON");
        File.Delete(_directory.File("adapter_config.json"));
        AssertRefused("has no adapter_config.json");
    }

    private static Dictionary<string, Tensor> Tensors() => Enumerable.Range(0, 2)
        .SelectMany(layer => (KeyValuePair<string, Tensor>[])[
            new($"base_model.model.model.layers.{layer}.self_attn.v_proj.lora_A.weight", full([2, 32], 0.1f)),
            new($"base_model.model.model.layers.{layer}.self_attn.v_proj.lora_B.weight", full([16, 2], 0.2f))])
        .ToDictionary();

    private void Write(string config, Dictionary<string, Tensor> tensors)
    {
        File.WriteAllText(_directory.File("adapter_config.json"), config);
        SafeTensorsWriter.Write(_directory.File("adapter_model.safetensors"), tensors);
    }

    private void AssertRefused(string expected)
    {
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => LoraAdapter.Load(_model, _directory.Path)).Message, StringComparison.Ordinal);
        Assert.All(_model.named_parameters(), entry => Assert.True(entry.parameter.requires_grad && !entry.name.Contains("lora", StringComparison.Ordinal)));
    }
}
