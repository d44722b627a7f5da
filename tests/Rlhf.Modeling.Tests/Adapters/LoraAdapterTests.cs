using System.Text.Json.Nodes;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Heads;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Torch.Extensions;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Tests.Adapters;

public sealed class LoraAdapterTests : IDisposable
{
    private static readonly LoraConfig Config = new() { R = 4, LoraAlpha = 8, TargetModules = ["q_proj", "mlp.down_proj"] };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly CausalLanguageModel _model = TinyModels.Causal();
    private readonly Tensor _ids = TinyModels.Ids([5, 9, 14, 3, 22]);

    public static TheoryData<string> Families() => [.. TinyModels.Families.Keys];

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
    }

    [Fact]
    public void Forward_OneProjection_IsTheHandComputedSum()
    {
        // W = [[1, 2], [3, 4]], A = [[1, −1]], B = [[2], [0.5]], scaling 6 / 2 = 3, x = (1, 3):
        // W·x = (7, 15); A·x = −2; 3 · B · −2 = (−12, −3); together (−5, 12).
        using var projection = new Projection(2, 2, hasBias: false, ScalarType.Float32);
        using (no_grad())
        {
            projection.weight.copy_(tensor(new[] { 1f, 2, 3, 4 }, [2, 2]));
            projection.SetLora(new LoraLayer(projection, 1, 3));
            projection.Lora!.A.weight.copy_(tensor(new[] { 1f, -1 }, [1, 2]));
            projection.Lora.B.weight.copy_(tensor(new[] { 2f, 0.5f }, [2, 1]));
        }

        Assert.Equal([-5f, 12f], TinyModels.Floats(projection.forward(tensor(new[] { 1f, 3 }))));

        // W + 3·B·A = [[1 + 6, 2 − 6], [3 + 1.5, 4 − 1.5]].
        Assert.Equal([7f, -4f, 4.5f, 2.5f], TinyModels.Floats(projection.EffectiveWeight()));
        Assert.Equal((4.0, 8.0), (new LoraConfig { R = 4, LoraAlpha = 16 }.Scaling, new LoraConfig { R = 4, LoraAlpha = 16, UseRslora = true }.Scaling));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Adapter_NewDisabledAndDetached_IsTheBaseBitForBit(string family)
    {
        using var model = TinyModels.Causal(TinyModels.Families[family]);
        model.forward(_ids).Dispose();
        var before = TinyModels.LiveTensors();
        using (NewDisposeScope())
        {
            UseAndDetach(model);
        }

        // The adapter's matrices are parameters.
        Assert.SkipUnless(TorchRuntime.LiveTensorsIsExact, "TorchSharp counts a tensor that became a parameter on");
        Assert.Equal(before, TinyModels.LiveTensors());
    }

    [Fact]
    public void MergeAndDetach_LeavesWhatWasLearned()
    {
        var adapter = LoraAdapter.Attach(_model, Config, new Philox(3));
        Train(adapter);
        var trained = TinyModels.Floats(_model.forward(_ids));
        adapter.MergeAndDetach();
        AssertClose(trained, TinyModels.Floats(_model.forward(_ids)));
        Assert.Equal(TinyModels.Causal().parameters().Count(), _model.parameters().Count());
    }

    [Fact]
    public void Backward_OnlyTheAdapterHasGradients()
    {
        var adapter = LoraAdapter.Attach(_model, Config, new Philox(3));
        Train(adapter);
        _model.forward(_ids).square().mean().backward();
        var adapted = adapter.NamedParameters().Select(entry => entry.Name).ToArray();
        string[] expected =
        [
            .. Enumerable.Range(0, 2).SelectMany(layer => (string[])[$"model.layers.{layer}.self_attn.q_proj", $"model.layers.{layer}.mlp.down_proj"])
                .SelectMany(name => (string[])[$"{name}.lora_A.weight", $"{name}.lora_B.weight"]),
        ];
        Assert.Equal(expected, adapted);
        foreach (var (name, parameter) in _model.named_parameters())
        {
            Assert.Equal(adapted.Contains(name), parameter.requires_grad);
            Assert.Equal(adapted.Contains(name), parameter.grad is not null && parameter.grad.abs().sum().item<float>() > 0);
        }
    }

    [Fact]
    public void Attach_Draws_AreUniformWithinOneOverTheRootOfInputs()
    {
        var adapter = LoraAdapter.Attach(_model, Config with { R = 32 }, new Philox(3));
        var values = TinyModels.Floats(adapter.NamedParameters().First().Parameter);
        var bound = 1 / MathF.Sqrt(32);
        Assert.All(values, value => Assert.InRange(value, -bound, bound));

        // 1,024 uniform numbers: standard deviation bound / √3 within 10% (standard error 1.4%).
        Assert.InRange(Math.Sqrt(values.Average(value => (double)value * value)) / bound, 0.9 / Math.Sqrt(3), 1.1 / Math.Sqrt(3));
        Assert.All(adapter.NamedParameters().Where((_, i) => i % 2 == 1), entry => Assert.All(TinyModels.Floats(entry.Parameter), value => Assert.Equal(0f, value)));
    }

    [Fact]
    public void Targets_FollowTheRulesOfPeft()
    {
        Assert.Equal(14, Count(new LoraConfig { TargetModules = ["all-linear"] }));
        Assert.Equal(2, Count(new LoraConfig { TargetModules = ["model.layers.0.mlp.up_proj", "model.layers.1.mlp.up_proj"] }));
        Assert.Equal(2, Count(new LoraConfig { TargetModulesPattern = @".*layers\.1\.self_attn\.[qv]_proj" }));
        Assert.Equal(1, Count(new LoraConfig { TargetModulesPattern = "model.layers.0.mlp.gate_proj" }));
        using var untied = TinyModels.Causal(TinyModels.Config with { TieWordEmbeddings = false });
        var adapter = LoraAdapter.Attach(untied, new LoraConfig { TargetModules = ["lm_head"] }, new Philox(1));
        Assert.Equal("lm_head.lora_A.weight", adapter.NamedParameters().First().Name);

        int Count(LoraConfig config)
        {
            var attached = LoraAdapter.Attach(_model, config, new Philox(1));
            var count = attached.NamedParameters().Count() / 2;
            attached.Detach();
            return count;
        }
    }

    [Fact]
    public void Attach_IllegalConfig_ListsFaults()
    {
        var fault = Assert.Throws<ArgumentException>(() => LoraAdapter.Attach(
            _model, new LoraConfig { R = 0, LoraAlpha = 0, LoraDropout = 1, TargetModules = ["q_proj"], TargetModulesPattern = "x" }, new Philox(1)));
        foreach (var part in (string[])["r (0)", "lora_alpha (0)", "lora_dropout (1) must lie", "lora_dropout (1) must be 0", "target_modules"])
        {
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        }

        AssertRefused("\"embed_tokens\" match no projection of the model; it has q_proj, k_proj", Config with { TargetModules = ["q_proj", "embed_tokens"] });
        AssertRefused("match no projection", Config with { TargetModules = [], TargetModulesPattern = "proj" });
        AssertRefused("is not a regular expression", Config with { TargetModules = [], TargetModulesPattern = "(" });
        AssertRefused("takes too long", Config with { TargetModules = [], TargetModulesPattern = "(([a-z_.0-9]+)+)+X" });
        AssertRefused("\"norm\" match no projection", Config with { ModulesToSave = ["norm"] });
        AssertRefused("q_proj is in target_modules and in modules_to_save", Config with { ModulesToSave = ["q_proj"] });

        // None of the attempts left anything behind.
        Assert.All(_model.parameters(), parameter => Assert.True(parameter.requires_grad));
        var adapter = LoraAdapter.Attach(_model, Config, new Philox(1));
        Assert.Throws<InvalidOperationException>(() => LoraAdapter.Attach(_model, Config, new Philox(1)));
        Assert.Throws<InvalidOperationException>(adapter.Unmerge);
        Assert.Throws<InvalidOperationException>(_model.Clone);
        adapter.Merge();
        Assert.Throws<InvalidOperationException>(adapter.Merge);

        void AssertRefused(string expected, LoraConfig config) =>
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => LoraAdapter.Attach(_model, config, new Philox(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SaveModel_NeedsTheUpdateInTheWeights()
    {
        using var directory = new TemporaryDirectory();
        var adapter = LoraAdapter.Attach(_model, Config, new Philox(3));
        Train(adapter);
        Assert.Contains(
            "an adapter is attached",
            Assert.Throws<InvalidOperationException>(() => PretrainedModel.Save(_model, TinyModels.Tokenizer(), directory.File("m"))).Message,
            StringComparison.Ordinal);
        adapter.Merge();
        PretrainedModel.Save(_model, TinyModels.Tokenizer(), directory.File("m"));
        using var loaded = PretrainedModel.LoadCausal(directory.File("m"));
        Assert.Equal(TinyModels.Floats(_model.forward(_ids)), TinyModels.Floats(loaded.forward(_ids)));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Save_ThenLoad_SameModel(string family)
    {
        using var directory = new TemporaryDirectory();
        using var model = TinyModels.Causal(TinyModels.Families[family]);
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 3, TargetModules = ["all-linear"], UseRslora = true }, new Philox(3));
        Train(adapter);
        adapter.Save(directory.File("adapter"));
        Assert.Equal(["adapter_config.json", "adapter_model.safetensors"], Directory.GetFiles(directory.File("adapter")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using var other = TinyModels.Causal(TinyModels.Families[family]);
        var loaded = LoraAdapter.Load(other, directory.File("adapter"));
        Assert.Equal(family.StartsWith("gpt2", StringComparison.Ordinal), loaded.Config.FanInFanOut);
        Assert.Equal(TinyModels.Floats(model.forward(_ids)), TinyModels.Floats(other.forward(_ids)));
    }

    [Fact]
    public void ScalarModel_HeadIsTrainedWholeAndSavedUnderPeftsName()
    {
        using var directory = new TemporaryDirectory();
        using var model = ScalarHeadModel.FromCausal(_model, new Philox(4));
        var before = TinyModels.Floats(model.Values(_ids, null));
        var adapter = LoraAdapter.Attach(model, Config, new Philox(3));
        Assert.Equal(["score"], adapter.Config.ModulesToSave);
        Train(adapter);
        var trained = TinyModels.Floats(model.Values(_ids, null));
        using (adapter.Disable())
        {
            Assert.Equal(before, TinyModels.Floats(model.Values(_ids, null)));
        }

        adapter.Save(directory.File("adapter"));
        using (var file = SafeTensorsFile.Open(directory.File("adapter", "adapter_model.safetensors")))
        {
            Assert.Contains("base_model.model.score.weight", file.Names);
            Assert.Contains("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", file.Names);
        }

        Assert.Equal("SEQ_CLS", JsonNode.Parse(File.ReadAllText(directory.File("adapter", "adapter_config.json")))!["task_type"]!.GetValue<string>());
        adapter.Detach();
        Assert.Equal(before, TinyModels.Floats(model.Values(_ids, null)));
        var loaded = LoraAdapter.Load(model, directory.File("adapter"));
        Assert.Equal(trained, TinyModels.Floats(model.Values(_ids, null)));
        loaded.MergeAndDetach();
        PretrainedModel.Save(model, TinyModels.Tokenizer(), directory.File("rm"));
        using var saved = PretrainedModel.LoadScalar(directory.File("rm"));
        AssertClose(trained, TinyModels.Floats(saved.Values(_ids, null)));
    }

    private void UseAndDetach(CausalLanguageModel model)
    {
        var expected = TinyModels.Floats(model.forward(_ids));
        var adapter = LoraAdapter.Attach(model, new LoraConfig { R = 2, TargetModules = ["all-linear"] }, new Philox(3));
        Assert.Equal(expected, TinyModels.Floats(model.forward(_ids)));
        Train(adapter);
        var trained = TinyModels.Floats(model.forward(_ids));
        Assert.NotEqual(expected, trained);
        using (adapter.Disable())
        {
            using (adapter.Disable())
            {
                Assert.Equal(expected, TinyModels.Floats(model.forward(_ids)));
            }

            Assert.Equal(expected, TinyModels.Floats(model.forward(_ids)));
        }

        Assert.Equal(trained, TinyModels.Floats(model.forward(_ids)));

        // Merged weights round once where the sum of two products rounds twice.
        adapter.Merge();
        AssertClose(trained, TinyModels.Floats(model.forward(_ids)));
        using (adapter.Disable())
        {
            Assert.Equal(expected, TinyModels.Floats(model.forward(_ids)));
        }

        adapter.Unmerge();
        Assert.Equal(trained, TinyModels.Floats(model.forward(_ids)));
        adapter.Merge();
        adapter.Detach();
        Assert.Equal(expected, TinyModels.Floats(model.forward(_ids)));
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
        Assert.DoesNotContain(model.named_parameters(), entry => entry.name.Contains("lora", StringComparison.Ordinal));
    }

    private static void Train(LoraAdapter adapter)
    {
        var random = new Philox(9);
        foreach (var (_, parameter) in adapter.NamedParameters())
        {
            Weights.FillNormal(parameter, random, 0.1);
        }
    }

    /// <summary>Merged and apart sum in another order: a few units in the last place of the largest number.</summary>
    private static void AssertClose(float[] expected, float[] actual)
    {
        var scale = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 3e-6f * Math.Max(1, scale)));
    }
}
