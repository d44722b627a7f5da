using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class ModuleTests
{
    [Fact]
    public void RegisterComponents_Fields_GiveTheNames()
    {
        using var model = new Model();

        Assert.Equal(
            ["scale", "embed.weight", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "norm.weight", "norm.bias", "head.weight"],
            model.named_parameters().Select(item => item.name));
        Assert.Equal(["table"], model.named_buffers().Select(item => item.name));
        Assert.Equal(["embed", "layers", "norm", "head", "layers.0", "layers.1"], model.named_modules().Select(item => item.name));
        Assert.Equal(["embed", "layers", "norm", "head"], model.named_children().Select(item => item.name));
    }

    [Fact]
    public void NamedParameters_BeforeRegistration_AreNone()
    {
        using var model = new Unregistered();

        Assert.Empty(model.named_parameters());
    }

    [Fact]
    public void StateDict_OfATiedParameter_HasBothNames()
    {
        using var model = new Model();
        model.Tie();

        Assert.Equal(8, model.parameters().Count());
        var state = model.state_dict();
        Assert.Equal(10, state.Count);
        Assert.Same(state["embed.weight"], state["head.weight"]);
        Assert.Contains("table", state.Keys);
    }

    [Fact]
    public void StateDict_WithPrefixAndNonPersistentBuffer_LeavesTheBufferOut()
    {
        using var model = new Unregistered();
        model.register_parameter("p", nn.Parameter(zeros(1)));
        model.register_buffer("kept", zeros(1));
        model.register_buffer("dropped", zeros(1), persistent: false);

        Assert.Equal(["model.p", "model.kept"], model.state_dict(prefix: "model").Keys);
        Assert.Equal(["kept", "dropped"], model.named_buffers().Select(item => item.name));
    }

    [Fact]
    public void LoadStateDict_OfAnotherModel_CopiesTheNumbers()
    {
        using var scope = NewDisposeScope();
        using var source = new Model();
        using var target = new Model();

        target.load_state_dict(source.state_dict());

        Assert.Equal(Numbers.Of(source.embed.weight!), Numbers.Of(target.embed.weight!));
        Assert.NotSame(source.embed.weight, target.embed.weight);
    }

    [Fact]
    public void LoadStateDict_WithOtherNames_NamesThem()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        var state = model.state_dict();
        state.Remove("norm.bias");
        state["stranger"] = zeros(1);

        var error = Assert.Throws<InvalidOperationException>(() => model.load_state_dict(state));
        Assert.Contains("norm.bias", error.Message, StringComparison.Ordinal);
        Assert.Contains("stranger", error.Message, StringComparison.Ordinal);
        var (missing, unexpected) = model.load_state_dict(state, strict: false);
        Assert.Equal(["norm.bias"], missing);
        Assert.Equal(["stranger"], unexpected);
        Assert.Empty(model.load_state_dict(state, strict: false, skip: ["norm.bias", "stranger"]).missing_keys);
    }

    [Fact]
    public void Register_ANameTwice_Throws()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();

        Assert.Throws<InvalidOperationException>(() => model.register_parameter("scale", nn.Parameter(zeros(1))));
        Assert.Throws<InvalidOperationException>(() => model.register_buffer("table", zeros(1)));
        Assert.Throws<InvalidOperationException>(() => model.register_module("head", nn.Linear(1, 1)));
        Assert.Throws<ArgumentException>(() => model.register_module("a.b", nn.Linear(1, 1)));
        Assert.Throws<ArgumentException>(() => model.register_module("", nn.Linear(1, 1)));
        Assert.Throws<ArgumentNullException>(() => model.register_parameter("new", null!));
        Assert.Throws<ArgumentNullException>(() => model.register_buffer("new", null!));
    }

    [Fact]
    public void Parameter_OfATensor_TakesItOver()
    {
        using var scope = NewDisposeScope();
        var data = ones(2);

        var parameter = nn.Parameter(data);

        Assert.True(data.IsInvalid);
        Assert.Throws<ObjectDisposedException>(() => data.shape);
        Assert.True(parameter.requires_grad);
        Assert.Equal(1, scope.DisposablesCount);
    }

    [Fact]
    public void Layers_MadeInsideAScope_OutliveIt()
    {
        nn.Module<Tensor, Tensor> layer;
        using (NewDisposeScope())
        {
            layer = nn.Linear(2, 3);
        }

        Assert.Equal([3, 2], layer.get_parameter("weight")!.shape);
        layer.Dispose();
    }

    [Fact]
    public void Train_And_Eval_ReachAllModulesInside()
    {
        using var scope = NewDisposeScope();
        using var dropout = nn.Dropout(0.9);
        using var list = nn.Sequential(nn.Sequential(dropout));
        var x = ones(1000);

        list.eval();
        Assert.False(dropout.training);
        Assert.Equal(1000, list.forward(x).sum().ToDouble());
        list.train();

        // About a tenth stays, ten times as large.
        var kept = list.forward(x);
        Assert.InRange(kept.count_nonzero().ToInt64(), 50, 200);
        Numbers.Close([10], kept.max());
    }

    [Fact]
    public void To_BFloat16_ConvertsInPlaceAndKeepsTies()
    {
        using var scope = NewDisposeScope();
        using var model = new Model();
        model.Tie();
        var weight = model.embed.weight;

        model.to(bfloat16);

        Assert.Same(weight, model.embed.weight);
        Assert.Same(weight, model.head.weight);
        Assert.All(model.parameters(), parameter => Assert.Equal(bfloat16, parameter.dtype));
        Assert.Equal(int64, model.get_buffer("table")!.dtype);
        Assert.True(weight!.requires_grad && weight.is_leaf);
    }

    [Fact]
    public void To_WithGradients_ConvertsThemToo()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);
        layer.forward(ones(1, 2)).sum().backward();

        layer.to(float64);

        Assert.Equal(float64, layer.weight.grad!.dtype);
        Numbers.Close([1, 1], layer.weight.grad!);
        layer.forward(ones(1, 2, float64)).sum().backward();
        Numbers.Close([2, 2], layer.weight.grad!);
    }

    [Fact]
    public void ZeroGrad_OfAModule_DropsGradients()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1);
        layer.forward(ones(1, 2)).sum().backward();

        layer.zero_grad(set_to_none: false);
        Numbers.Close([0, 0], layer.weight.grad!);
        layer.zero_grad();
        Assert.Null(layer.weight.grad);
    }

    [Fact]
    public void Linear_FirstValues_LieWithinOneOverTheRootOfInputs()
    {
        using var layer = nn.Linear(16, 64);

        Assert.Equal((16, 64), (layer.in_features, layer.out_features));
        Assert.InRange(Numbers.Of(layer.weight).Max(Math.Abs), 0.2, 0.25);
        Assert.InRange(Numbers.Of(layer.bias!).Max(Math.Abs), 0.15, 0.25);
        Assert.Null(nn.Linear(1, 1, hasBias: false).bias);
    }

    [Fact]
    public void Linear_WithANewWeight_UsesAndRegistersIt()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 1, hasBias: false);

        layer.weight = nn.Parameter(tensor(new[,] { { 2f, 3f } }));

        Numbers.Close([5], layer.forward(ones(1, 2)));
        Assert.Same(layer.weight, layer.get_parameter("weight"));
        Assert.Single(layer.parameters());
    }

    [Fact]
    public void Embedding_PaddingId_IsZeroAndNotTrained()
    {
        using var scope = NewDisposeScope();
        using var embedding = nn.Embedding(4, 3, padding_idx: 1);

        embedding.forward(tensor(new long[] { 1, 2, 2 })).sum().backward();

        Numbers.Close([0, 0, 0], embedding.weight![1]);
        Numbers.Close([0, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0, 0], embedding.weight.grad!);
    }

    [Fact]
    public void Embedding_MaxNorm_ShortensTheVectorsItLooksUp()
    {
        using var scope = NewDisposeScope();
        using var embedding = nn.Embedding_from_pretrained(tensor(new[,] { { 3f, 4f }, { 6f, 8f } }), max_norm: 1, norm_type: 1);

        // |3| + |4| = 7; the other row was not looked up. (libtorch divides by the norm + 1e-7.)
        Numbers.Close([3 / 7.0, 4 / 7.0], embedding.forward(tensor(new long[] { 0 })));
        Numbers.Close([3 / 7.0, 4 / 7.0, 6, 8], embedding.weight!);
    }

    [Fact]
    public void Embedding_FromPretrained_SharesTheMemoryAndIsFrozen()
    {
        using var scope = NewDisposeScope();
        var vectors = ones(2, 2);
        using var embedding = nn.Embedding_from_pretrained(vectors);

        vectors.zero_();

        Assert.False(embedding.weight!.requires_grad);
        Numbers.Close([0, 0, 0, 0], embedding.weight);
    }

    [Fact]
    public void ModuleDict_Modules_AreFoundByName()
    {
        using var policy = nn.Linear(2, 2);
        using var dictionary = nn.ModuleDict(("policy", policy), ("value", nn.Linear(2, 1)));
        using var owner = new Unregistered();
        owner.register_module("heads", dictionary);

        Assert.Same(policy, dictionary["policy"]);
        Assert.Contains("heads.value.bias", owner.state_dict().Keys);
        Assert.Throws<KeyNotFoundException>(() => dictionary["critic"]);
        Assert.Throws<ArgumentException>(() => dictionary.Add("value", policy));
    }

    [Fact]
    public void Init_Functions_SetTheParameters()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(8, 4);
        nn.init.constant_(layer.weight, 0.5);
        Numbers.Close([16], layer.weight.sum());
        nn.init.ones_(layer.weight);
        nn.init.zeros_(layer.bias!);
        Numbers.Close([32], layer.weight.sum());
        Numbers.Close([0], layer.bias!.sum());

        // sqrt(6 / (8 + 4)) and, with a = sqrt(5), 1 / sqrt(8)
        Assert.InRange(Numbers.Of(nn.init.xavier_uniform_(layer.weight)).Max(Math.Abs), 0.5, 0.7072);
        Assert.InRange(Numbers.Of(nn.init.kaiming_uniform_(layer.weight, Math.Sqrt(5))).Max(Math.Abs), 0.2, 0.3536);
        var orthogonal = nn.init.orthogonal_(layer.weight);
        Numbers.Close(Numbers.Of(eye(4)), orthogonal.detach().matmul(orthogonal.detach().t()), 1e-5);
        nn.init.normal_(layer.weight, 3, 0.01);
        Assert.InRange(layer.weight.mean().ToDouble(), 2.98, 3.02);
        Assert.True(layer.weight.requires_grad);
    }

    private sealed class Unregistered() : nn.Module(nameof(Unregistered));

    internal sealed class Model : nn.Module
    {
        public readonly Parameter scale = nn.Parameter(ones(1));
        public readonly Embedding embed = nn.Embedding(5, 4);
        public readonly ModuleList<Linear> layers = nn.ModuleList(nn.Linear(4, 4), nn.Linear(4, 4));
        public readonly LayerNorm norm = nn.LayerNorm(4);
        public readonly Linear head = nn.Linear(4, 5, hasBias: false);
        private readonly Tensor table = arange(3);

        public Model()
            : base(nameof(Model)) => RegisterComponents();

        public void Tie()
        {
            head.weight.Dispose();
            head.weight = embed.weight!;
        }
    }
}
