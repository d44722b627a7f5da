using System.Runtime.InteropServices;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Rlhf.Torch.Tests;

public sealed class AutogradTests
{
    [Fact]
    public void Backward_CrossEntropyOfLinearOfSilu_GivesPythonsGradients()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[,] { { 0.5f, -1.25f, 2.0f }, { 3.0f, 0.25f, -0.75f } }, requires_grad: true);
        var weight = tensor(new[,] { { 1.0f, 2.0f, 0.5f }, { -0.5f, 0.25f, 1.0f } }, requires_grad: true);
        var bias = tensor(new[] { 0.1f, -0.2f }, requires_grad: true);

        // F.cross_entropy(F.linear(F.silu(x), weight, bias), torch.tensor([1, 0])).backward()
        var loss = functional.cross_entropy(functional.linear(functional.silu(x), weight, bias), tensor(new long[] { 1, 0 }));
        loss.backward();

        Numbers.Close([0.22206679], loss);
        Numbers.Close([0.196509629, 0.00195785402, -0.0965589806, -0.00572376093, -0.00382772041, 0.000275991624], x.grad!);
        Numbers.Close([0.0450799987, -0.0497778021, 0.312725216, -0.0450799875, 0.0497778095, -0.312725276], weight.grad!);
        Numbers.Close([0.173538119, -0.173538148], bias.grad!);
    }

    [Fact]
    public void Grad_WithCreateGraph_CanBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var z = tensor(new[] { 0.5f, -1.0f, 2.0f }, requires_grad: true);

        // d(sum z^3)/dz = 3 z^2; its derivative is 6 z.
        var first = autograd.grad([z.pow(3).sum()], [z], create_graph: true)[0];
        var second = autograd.grad([first.sum()], [z])[0];

        Numbers.Close([0.75, 3, 12], first);
        Numbers.Close([3, -6, 12], second);
        Assert.Null(z.grad);
    }

    [Fact]
    public void Grad_OfAnUnusedInput_ThrowsUnlessAllowed()
    {
        using var scope = NewDisposeScope();
        var used = ones(2, requires_grad: true);
        var unused = ones(2, requires_grad: true);

        Assert.Throws<ExternalException>(() => autograd.grad([used.sum()], [unused]));
        Assert.Null(autograd.grad([used.sum()], [unused], allow_unused: true)[0]);
    }

    [Fact]
    public void Backward_Twice_AddsUp()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1f, 2f }, requires_grad: true);

        (x * 3).sum().backward();
        (x * x).sum().backward();

        // 3 + 2x
        Numbers.Close([5, 7], x.grad!);
    }

    [Fact]
    public void Backward_WithWeights_IsTheVectorJacobianProduct()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1f, 2f }, requires_grad: true);

        (x * x).backward([tensor(new[] { 10f, 100f })]);

        Numbers.Close([20, 400], x.grad!);
    }

    [Fact]
    public void Backward_ForSomeInputsOnly_LeavesTheOthersAlone()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var y = ones(2, requires_grad: true);

        (x * y).sum().backward(inputs: [x]);

        Numbers.Close([1, 1], x.grad!);
        Assert.Null(y.grad);
    }

    [Fact]
    public void Backward_SecondTimeThroughTheSameGraph_Throws()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var loss = (x * x).sum();
        loss.backward(retain_graph: true);
        loss.backward();

        var error = Assert.Throws<ExternalException>(() => loss.backward());

        Assert.Contains("backward through the graph a second time", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoGrad_Inside_RecordsNothing()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        Assert.True(is_grad_enabled());

        using (no_grad())
        {
            Assert.False(is_grad_enabled());
            Assert.False((x * 2).requires_grad);
            using (enable_grad())
            {
                Assert.True((x * 2).requires_grad);
            }

            Assert.False(is_grad_enabled());
        }

        Assert.True((x * 2).requires_grad);
    }

    [Fact]
    public void InferenceMode_Inside_MakesTensorsWithoutGradients()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);

        using (inference_mode())
        {
            Assert.True(is_inference_mode_enabled());
            Assert.False((x * 2).requires_grad);
        }

        Assert.False(is_inference_mode_enabled());
    }

    [Fact]
    public void InPlace_OnALeafThatRequiresGradients_Throws()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);

        var error = Assert.Throws<ExternalException>(() => x.add_(1));

        Assert.Contains("a leaf Variable that requires grad", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detach_SharesMemory_AndLeavesTheGraph()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var detached = (x * 2).detach();
        detached.fill_(5);

        Assert.True(detached.is_leaf);
        Assert.False(detached.requires_grad);
    }

    [Fact]
    public void Grad_SetToNull_IsDropped()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        x.sum().backward();
        x.grad = full([2], 7f);
        Numbers.Close([7, 7], x.grad!);

        x.grad = null;

        Assert.Null(x.grad);
    }
}
