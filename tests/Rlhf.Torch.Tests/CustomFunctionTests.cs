using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Rlhf.Torch.Tests;

[SuppressMessage("Design", "CA1034", Justification = "Functions of these tests only.")]
public sealed class CustomFunctionTests
{
    public CustomFunctionTests() => LifetimeTests.Collect();

    [Fact]
    public void Backward_OfACube_IsThreeTimesTheSquare()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1f, -2f, 3f }, requires_grad: true);

        var y = Cube.apply(x, 2.0);
        y.backward([tensor(new[] { 1f, 10f, 100f })]);

        // 2 x³, and 6 x² times the weights
        Numbers.Close([2, -16, 54], y);
        Numbers.Close([6, 240, 5400], x.grad!);
    }

    [Fact]
    public void Backward_InAChainWithOperators_FollowsTheChainRule()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0.5f, 2f }, requires_grad: true);

        // d/dx sum((2x)³ + x) = 24 x² + 1, through an operator before, one after and a second path
        (Cube.apply(x * 2, 1.0) + x).sum().backward();

        Numbers.Close([7, 97], x.grad!);
    }

    [Fact]
    public void Backward_WithTwoOutputs_GetsBothGradientsAndZerosForTheUnusedOne()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 2f, 3f }, requires_grad: true);
        var y = tensor(new[] { 5f, 7f }, requires_grad: true);

        var both = SumAndProduct.apply(x, y);
        (both[0] * 10 + both[1]).sum().backward();
        Numbers.Close([15, 17], x.grad!);
        Numbers.Close([12, 13], y.grad!);

        x.grad = null;
        SumAndProduct.apply(x, y)[1].sum().backward();
        Numbers.Close([5, 7], x.grad!);
    }

    [Fact]
    public void Backward_OfAGradientThatIsNull_LeavesTheInputWithoutOne()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var y = ones(2, requires_grad: true);

        FirstOnly.apply(x, y).sum().backward();

        Numbers.Close([1, 1], x.grad!);
        Assert.Null(y.grad);
    }

    [Fact]
    public void Apply_OfInputsThatNeedNoGradient_RecordsNothing()
    {
        using var scope = NewDisposeScope();
        var before = FunctionNode.Alive;
        var x = ones(2, requires_grad: true);

        Assert.False(Cube.apply(ones(2), 1.0).requires_grad);
        using (no_grad())
        {
            Assert.False(Cube.apply(x, 1.0).requires_grad);
        }

        Assert.Equal(before, FunctionNode.Alive);
        Assert.True(Cube.apply(x, 1.0).requires_grad);
        Assert.Equal(before + 1, FunctionNode.Alive);
    }

    [Fact]
    public void NonDifferentiable_Output_NeedsNoGradient()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 3f, 1f, 2f }, requires_grad: true);

        var sorted = Sort.apply(x);

        Assert.True(sorted[0].requires_grad);
        Assert.False(sorted[1].requires_grad);
        (sorted[0] * tensor(new[] { 1f, 10f, 100f })).sum().backward();
        Numbers.Close([100, 1, 10], x.grad!);
    }

    [Fact]
    public void Dirty_Input_ComesBackAsTheSameMemory()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var y = x * 3;

        var doubled = DoubleInPlace.apply(y);
        doubled.sum().backward();

        Numbers.Close([6, 6], y);
        Numbers.Close([6, 6], x.grad!);
    }

    [Fact]
    public void MaterializeGrads_Off_GivesAnInvalidTensor()
    {
        using var scope = NewDisposeScope();
        var x = ones(1, requires_grad: true);

        Unmaterialized.apply(x)[0].sum().backward();

        Numbers.Close([1], x.grad!);
    }

    [Fact]
    public void Backward_ThatThrows_ThrowsWithItsMessageAndItself()
    {
        using var scope = NewDisposeScope();
        var before = FunctionNode.Alive;
        using (NewDisposeScope())
        {
            var x = ones(2, requires_grad: true);
            var error = Assert.Throws<ExternalException>(() => Throwing.apply(x).sum().backward());
            Assert.Equal("no gradient today – ∂x", error.Message);
            Assert.IsType<InvalidDataException>(error.InnerException);
            Assert.Contains(nameof(Throwing), error.InnerException.StackTrace, StringComparison.Ordinal);

            // The next error is not mistaken for this one.
            Assert.Null(Assert.Throws<ExternalException>(() => ones(2) + ones(3)).InnerException);
        }

        Assert.Equal(before, FunctionNode.Alive);
    }

    [Theory]
    [InlineData(0, "incorrect number of gradients (expected 2, got 1)")]
    [InlineData(1, "incorrect number of gradients (expected 2, got 3)")]
    [InlineData(2, "returned a gradient at position 2")]
    [InlineData(3, "invalid gradient at index 0")]
    public void Backward_WithWrongGradients_SaysWhatIsWrong(int fault, string message)
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);

        var error = Assert.Throws<ExternalException>(() => Faulty.apply(x, fault).sum().backward());

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_ThatThrows_ThrowsThatAndLeavesGradientsOn()
    {
        using var scope = NewDisposeScope();
        var before = FunctionNode.Alive;

        Assert.Throws<NotSupportedException>(() => FailingForward.apply(ones(1, requires_grad: true)));

        Assert.True(is_grad_enabled());
        Assert.Equal(before, FunctionNode.Alive);
    }

    [Fact]
    public void Backward_Twice_WorksOnlyOnARetainedGraph()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 2f }, requires_grad: true);
        var y = Cube.apply(x, 1.0);

        y.backward(retain_graph: true);
        y.backward();
        Numbers.Close([24], x.grad!);

        var error = Assert.Throws<ExternalException>(() => y.backward());
        Assert.Contains("a second time", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backward_WithCreateGraph_CanBeDifferentiatedAgain()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 2f }, requires_grad: true);

        // 3x², then 6x
        var first = grad([Cube.apply(x, 1.0)], [x], create_graph: true)[0];
        Numbers.Close([12], first);
        Numbers.Close([12], grad([first], [x])[0]);
    }

    [Fact]
    public void SavedTensor_ChangedInPlace_IsAnError()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        var z = x * 2;
        var y = Cube.apply(z, 1.0);
        z.add_(1);

        var error = Assert.Throws<ExternalException>(() => y.sum().backward());

        Assert.Contains("modified by an inplace operation", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SavedTensor_DisposedByForwardItself_IsAnError()
    {
        using var scope = NewDisposeScope();
        var before = FunctionNode.Alive;

        Assert.Throws<ObjectDisposedException>(() => DisposesWhatItSaves.apply(ones(1, requires_grad: true)));

        Assert.Equal(before, FunctionNode.Alive);
    }

    [Fact]
    public void SavedTensors_AreReleasedByTheBackwardPass()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, requires_grad: true);
        Large.apply(x).sum().backward();
        LifetimeTests.Collect();
        var before = LifetimeTests.ResidentBytes();

        // Each keeps 16 MiB; the graphs stay, what they saved does not.
        List<Tensor> graphs = [];
        for (var i = 0; i < 20; i++)
        {
            using var step = NewDisposeScope();
            var y = Large.apply(x);
            y.sum().backward();
            graphs.Add(step.MoveToOuter(y));
        }

        Assert.InRange(LifetimeTests.ResidentBytes() - before, long.MinValue, 64L << 20);
    }

    [Fact]
    public void SavedNull_ComesBackAsNull()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 4f }, requires_grad: true);

        OptionalSaved.apply(x, null).sum().backward();

        Numbers.Close([1], x.grad!);
    }

    [Fact]
    public void SavedOutput_DoesNotKeepTheGraphAlive()
    {
        var before = (FunctionNode.Alive, Tensor.TotalCount);
        using (NewDisposeScope())
        {
            var x = tensor(new[] { 1f }, requires_grad: true);
            Exponential.apply(x).backward();

            // e
            Numbers.Close([2.718281828], x.grad!);
        }

        Assert.Equal(before, (FunctionNode.Alive, Tensor.TotalCount));
    }

    [Fact]
    public void Graphs_ManyOfThem_LeaveNoTensorAndNoContextBehind()
    {
        using var x = ones(64, requires_grad: true);
        var before = (FunctionNode.Alive, Tensor.TotalCount);
        for (var i = 0; i < 1000; i++)
        {
            using (NewDisposeScope())
            {
                var y = Cube.apply(SumAndProduct.apply(x, x)[1], 1.0);
                if (i % 2 == 0)
                {
                    y.sum().backward();
                }
            }

            x.grad = null;
        }

        Assert.Equal(before, (FunctionNode.Alive, Tensor.TotalCount));
    }

    [Fact]
    public void Backward_OnAnotherThreadThanForward_Works()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 2f }, requires_grad: true);
        var y = Cube.apply(x, 1.0);
        var thread = new Thread(() => y.backward());

        thread.Start();
        thread.Join();

        Numbers.Close([12], x.grad!);
    }

    [Fact]
    public void Context_AfterItsGraphWasFreed_SaysSo()
    {
        using (NewDisposeScope())
        {
            Cube.apply(ones(1, requires_grad: true), 1.0);
        }

        var error = Assert.Throws<InvalidOperationException>(() => Cube.Last!.get_saved_variables());
        Assert.Contains("Cube", error.Message, StringComparison.Ordinal);
    }

    internal sealed class Cube : SingleTensorFunction<Cube>
    {
        public static AutogradContext? Last { get; private set; }

        public override string Name => nameof(Cube);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            Last = ctx;
            var x = (Tensor)vars[0];
            ctx.save_for_backward([x]);
            ctx.save_data("factor", vars[1]);
            return x.pow(3) * (double)vars[1];
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
        {
            var x = ctx.get_saved_variables()[0];
            Assert.Null(ctx.get_data("nothing"));
            return [grad_output * x * x * (3 * (double)ctx.get_data("factor")!), null!];
        }
    }

    private sealed class SumAndProduct : MultiTensorFunction<SumAndProduct>
    {
        public override string Name => nameof(SumAndProduct);

        public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
        {
            var (x, y) = ((Tensor)vars[0], (Tensor)vars[1]);
            ctx.save_for_backward([x, y]);
            return [x + y, x * y];
        }

        public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var saved = ctx.get_saved_variables();
            return [grad_outputs[0] + (grad_outputs[1] * saved[1]), grad_outputs[0] + (grad_outputs[1] * saved[0])];
        }
    }

    private sealed class FirstOnly : SingleTensorFunction<FirstOnly>
    {
        public override string Name => nameof(FirstOnly);

        public override Tensor forward(AutogradContext ctx, params object[] vars) => (Tensor)vars[0] + (Tensor)vars[1];

        // One null more than there are arguments is allowed.
        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output, null!, null!];
    }

    private sealed class Sort : MultiTensorFunction<Sort>
    {
        public override string Name => nameof(Sort);

        public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
        {
            var (values, indices) = ((Tensor)vars[0]).sort();
            ctx.save_for_backward([indices]);
            ctx.mark_non_differentiable([indices]);
            return [values, indices];
        }

        public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs) =>
            [zeros_like(grad_outputs[0]).scatter_(0, ctx.get_saved_variables()[0], grad_outputs[0])];
    }

    private sealed class DoubleInPlace : SingleTensorFunction<DoubleInPlace>
    {
        public override string Name => nameof(DoubleInPlace);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            ctx.mark_dirty([x]);
            return x.mul_(2);
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * 2];
    }

    private sealed class Unmaterialized : MultiTensorFunction<Unmaterialized>
    {
        public override string Name => nameof(Unmaterialized);

        public override List<Tensor> forward(AutogradContext ctx, params object[] vars)
        {
            ctx.set_materialize_grads(false);
            return [(Tensor)vars[0] * 1, (Tensor)vars[0] * 2];
        }

        public override List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs)
        {
            Assert.False(ctx.MaterializeGrads);
            Assert.True(grad_outputs[1].IsInvalid);
            return [grad_outputs[0]];
        }
    }

    private sealed class Throwing : SingleTensorFunction<Throwing>
    {
        public override string Name => nameof(Throwing);

        public override Tensor forward(AutogradContext ctx, params object[] vars) => (Tensor)vars[0] * 1;

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => throw new InvalidDataException("no gradient today – ∂x");
    }

    private sealed class FailingForward : SingleTensorFunction<FailingForward>
    {
        public override string Name => nameof(FailingForward);

        public override Tensor forward(AutogradContext ctx, params object[] vars) => throw new NotSupportedException();

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output];
    }

    private sealed class Faulty : SingleTensorFunction<Faulty>
    {
        public override string Name => nameof(Faulty);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("fault", vars[1]);
            return (Tensor)vars[0] * 1;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => (int)ctx.get_data("fault")! switch
        {
            0 => [grad_output],
            1 => [grad_output, null!, grad_output],
            2 => [grad_output, grad_output],
            _ => [ones(5), null!],
        };
    }

    private sealed class Large : SingleTensorFunction<Large>
    {
        public override string Name => nameof(Large);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            ctx.save_for_backward([ones(4 << 20)]);
            return (Tensor)vars[0] * 1;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * ctx.get_saved_variables()[0][0]];
    }

    private sealed class DisposesWhatItSaves : SingleTensorFunction<DisposesWhatItSaves>
    {
        public override string Name => nameof(DisposesWhatItSaves);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            using var scope = NewDisposeScope();
            ctx.save_for_backward([ones(1)]);
            return scope.MoveToOuter((Tensor)vars[0] * 1);
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output];
    }

    private sealed class OptionalSaved : SingleTensorFunction<OptionalSaved>
    {
        public override string Name => nameof(OptionalSaved);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            ctx.save_for_backward([(Tensor)vars[1], (Tensor)vars[0]]);
            return (Tensor)vars[0] * 1;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
        {
            Assert.Null(ctx.get_saved_variables()[0]);
            return [grad_output, null!];
        }
    }

    private sealed class Exponential : SingleTensorFunction<Exponential>
    {
        public override string Name => nameof(Exponential);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            var y = ((Tensor)vars[0]).exp();
            ctx.save_for_backward([y]);
            return y;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => [grad_output * ctx.get_saved_variables()[0]];
    }
}
