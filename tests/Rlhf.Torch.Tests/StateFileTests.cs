using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class StateFileTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(path);
    }

    [Fact]
    public void Save_OfALinearLayer_IsTorchSharpsFormat()
    {
        using var layer = nn.Linear(nn.Parameter(tensor(new[,] { { 1f, -2f } })), nn.Parameter(tensor(new[] { 0.5f })));

        layer.save(path);

        // 2 entries; a name with its length; type 6 (float32), the dimensions, the sizes; the elements. TorchSharp 0.106.0 writes the same.
        Assert.Equal(
            [2, 6, .. "weight"u8, 6, 2, 1, 2, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 4, .. "bias"u8, 6, 1, 1, 0, 0, 0, 0x3f],
            File.ReadAllBytes(path));
    }

    [Fact]
    public void Load_OfASavedModel_GivesItsWeights()
    {
        using var source = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2));
        using var target = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2));
        var before = Tensor.TotalCount;

        Assert.Same(source, source.save(path));
        Dictionary<string, bool> loaded = [];
        Assert.Same(target, target.load(path, loadedParameters: loaded));

        Assert.Equal(before, Tensor.TotalCount);
        Assert.Equal(source.state_dict().Keys, loaded.Keys);
        Assert.All(source.state_dict(), entry => Assert.Equal(Numbers.Of(entry.Value), Numbers.Of(target.state_dict()[entry.Key])));
        Assert.All(target.parameters(), parameter => Assert.True(parameter.requires_grad && parameter.is_leaf));
    }

    [Fact]
    public void Load_OfAnotherModel_SaysWhatDiffers()
    {
        using var saved = nn.Linear(3, 2);
        saved.save(path);
        using var wider = nn.Linear(4, 2);
        using var half = nn.Linear(3, 2, dtype: bfloat16);
        using var unbiased = nn.Linear(3, 2, hasBias: false);
        using var norm = nn.LayerNorm(2);

        Assert.Contains("[2, 3] is stored, [2, 4] expected", Assert.Throws<ArgumentException>(() => wider.load(path)).Message, StringComparison.Ordinal);
        Assert.Contains("Float32 is stored, BFloat16 expected", Assert.Throws<ArgumentException>(() => half.load(path)).Message, StringComparison.Ordinal);
        Assert.Contains("expected 1, but found 2", Assert.Throws<ArgumentException>(() => unbiased.load(path)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => saved.load(path + ".missing"));

        // Not strictly, what it has is read and the rest passed over.
        unbiased.load(path, strict: false);
        Assert.Equal(Numbers.Of(saved.weight), Numbers.Of(unbiased.weight));
        var own = Numbers.Of(wider.weight);
        wider.load(path, skip: ["weight"]);
        Assert.Equal(own, Numbers.Of(wider.weight));
        Assert.Equal(Numbers.Of(saved.bias!), Numbers.Of(wider.bias!));
    }

    [Fact]
    public void Load_OfADamagedFile_Throws()
    {
        using var layer = nn.Linear(3, 2);
        layer.save(path);
        var bytes = File.ReadAllBytes(path);

        File.WriteAllBytes(path, bytes[..^1]);
        Assert.Throws<EndOfStreamException>(() => layer.load(path));
        Assert.Throws<EndOfStreamException>(() => layer.load(path, skip: ["bias"]));

        bytes[8] = 99;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("element type 99", Assert.Throws<InvalidDataException>(() => layer.load(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OptimizerState_OfAdamW_GoesOnAsIfNothingHappened(bool amsgrad)
    {
        var (a, b) = (Parameter(), Parameter());
        using var first = optim.AdamW([a], 0.1, weight_decay: 0.01, amsgrad: amsgrad);
        using var second = optim.AdamW([b], 0.5, amsgrad: !amsgrad);
        Step(first, a, 2);
        first.save_state_dict(path);
        b.detach().copy_(a);
        var before = Tensor.TotalCount;

        second.load_state_dict(path);

        Assert.Equal(before + (amsgrad ? 1 : -1), Tensor.TotalCount);
        Step(first, a, 3);
        Step(second, b, 3);
        Assert.Equal(Numbers.Of(a), Numbers.Of(b));
    }

    [Fact]
    public void OptimizerState_OfSgdWithMomentum_GoesOnAsIfNothingHappened()
    {
        var (a, b) = (Parameter(), Parameter());
        using var first = optim.SGD([a], 0.1, momentum: 0.9, nesterov: true);
        using var second = optim.SGD([b], 0.5, momentum: 0.1);
        Step(first, a, 2);
        first.save_state_dict(path);
        b.detach().copy_(a);

        second.load_state_dict(path);

        Step(first, a, 3);
        Step(second, b, 3);
        Assert.Equal(Numbers.Of(a), Numbers.Of(b));
    }

    [Fact]
    public void OptimizerState_OfAnotherOptimizer_IsRefused()
    {
        using var adam = optim.AdamW([Parameter()], 0.1);
        using var sgd = optim.SGD([Parameter()], 0.1);
        using var two = optim.AdamW([Parameter(), Parameter()], 0.1);
        adam.save_state_dict(path);

        Assert.Contains("AdamW, not SGD", Assert.Throws<InvalidDataException>(() => sgd.load_state_dict(path)).Message, StringComparison.Ordinal);
        Assert.Contains("different number of states: 1, not 2", Assert.Throws<ArgumentException>(() => two.load_state_dict(path)).Message, StringComparison.Ordinal);
    }

    private static Parameter Parameter() => nn.Parameter(tensor(new[] { 1f, -2f, 3f }));

    private static void Step(optim.Optimizer optimizer, Tensor parameter, int times)
    {
        for (var i = 0; i < times; i++)
        {
            optimizer.zero_grad();
            parameter.pow(2).sum().backward();
            optimizer.step();
        }
    }
}
