using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class LifetimeTests
{
    // Tensors that other tests left to the collector must not be counted down during a test here.
    public LifetimeTests() => Collect();

    [Fact]
    public void Scope_Closed_DisposesWhatWasMadeInside()
    {
        var before = Tensor.TotalCount;
        Tensor inner;
        using (var scope = NewDisposeScope())
        {
            inner = ones(2) + 1;
            Assert.Equal(2, scope.DisposablesCount);
            Assert.Equal(before + 2, Tensor.TotalCount);
        }

        Assert.True(inner.IsInvalid);
        Assert.Throws<ObjectDisposedException>(() => inner + 1);
        Assert.Equal(before, Tensor.TotalCount);
        Assert.Equal("[disposed]", inner.ToString());
    }

    [Fact]
    public void Scope_Tensors_CanBeMovedOutDetachedAndKept()
    {
        using var outer = NewDisposeScope();
        Tensor moved, detached, kept, lost;
        using (var inner = NewDisposeScope())
        {
            moved = ones(1).MoveToOuterDisposeScope();
            detached = inner.Detach(ones(1));
            lost = ones(1);
            kept = ones(1);
            inner.DisposeEverythingBut(kept);
            Assert.True(lost.IsInvalid);
            Assert.Equal(1, inner.DisposablesCount);
            inner.MoveToOuter(kept);
            Assert.Same(inner, CurrentDisposeScope);
        }

        Assert.Same(outer, CurrentDisposeScope);
        Assert.False(moved.IsInvalid || detached.IsInvalid || kept.IsInvalid);
        Assert.Equal(2, outer.DisposablesCount);
        Assert.False(outer.Contains(detached));
        detached.Dispose();
    }

    [Fact]
    public void Scope_AttachedTensor_IsDisposedWithIt()
    {
        var free = ones(1);
        using (var scope = NewDisposeScope())
        {
            scope.Attach(free);
            Assert.True(scope.Contains(free));
            Assert.Throws<InvalidOperationException>(() => scope.Attach(new MemoryStream()));
        }

        Assert.True(free.IsInvalid);
    }

    [Fact]
    public void Scope_ClosedBeforeAnInnerOne_LeavesTheInnerOneInPlace()
    {
        var outer = NewDisposeScope();
        var inner = NewDisposeScope();

        outer.Dispose();

        Assert.Same(inner, CurrentDisposeScope);
        inner.Dispose();
        Assert.Null(CurrentDisposeScope);
        Assert.Throws<ObjectDisposedException>(() => outer.DisposablesCount);
    }

    [Fact]
    public void Scope_OfAnotherThread_DoesNotTakeTensors()
    {
        using var scope = NewDisposeScope();
        Tensor? made = null;
        var thread = new Thread(() => made = ones(1));
        thread.Start();
        thread.Join();

        Assert.Equal(0, scope.DisposablesCount);
        made!.Dispose();
    }

    [Fact]
    public void InPlace_Operators_ReturnTheSameObject()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, 2);
        var before = Tensor.TotalCount;

        Assert.Same(x, x.add_(1).mul_(2).sub_(1).div_(3).zero_().fill_(2).sqrt_().clamp_(0, 1).copy_(x).exp_().neg_());
        Assert.Same(x, x.requires_grad_().requires_grad_(false).detach_());

        Assert.Equal(before, Tensor.TotalCount);
        Assert.Equal(1, scope.DisposablesCount);
    }

    [Fact]
    public void Views_OfADisposedTensor_KeepTheMemory()
    {
        var tensor = arange(4, dtype: float32);
        using var view = tensor[2..];

        tensor.Dispose();

        Numbers.Close([2, 3], view);
    }

    [Fact]
    public void Errors_OfOperators_LeaveNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(2), ones(3));
        var before = Tensor.TotalCount;

        for (var i = 0; i < 10; i++)
        {
            Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => a + b);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Finalizers_ReleaseWhatNobodyDisposed()
    {
        var before = Tensor.TotalCount;

        MakeAndForget();
        for (var i = 0; i < 10 && Tensor.TotalCount > before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.True(Tensor.TotalCount <= before);
    }

    [Fact]
    public void Training_ThousandSteps_LeavesCountAndMemoryWhereTheyWere()
    {
        using var model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.LayerNorm(256), nn.Linear(256, 8));
        using var optimizer = optim.AdamW(model.parameters(), 1e-3, weight_decay: 0.01);
        using var input = randn(32, 64);
        using var target = randint(8, [32]);

        for (var i = 0; i < 100; i++)
        {
            Step();
        }

        var tensors = Tensor.TotalCount;
        var memory = ResidentBytes();
        for (var i = 0; i < 1000; i++)
        {
            Step();
            Assert.Equal(tensors, Tensor.TotalCount);
        }

        // A leak of the activations alone would be 32 x 256 floats x 1000 steps x several tensors, above 100 MiB.
        Assert.InRange(ResidentBytes() - memory, long.MinValue, 32L << 20);

        void Step()
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            nn.functional.cross_entropy(model.forward(input), target).backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
        }
    }

    [Fact]
    public void Temporaries_WhileTheCollectorRuns_AreNotFreedUnderACall()
    {
        // A handle freed by a finalizer during a call corrupts the heap: wrong numbers or an abort.
        using var a = ones(64);
        using var b = ones(64);
        var stop = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                GC.Collect(0, GCCollectionMode.Forced, blocking: true);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        long wrong = 0;
        var watch = Stopwatch.StartNew();
        while (watch.ElapsedMilliseconds < 2000)
        {
            for (var i = 0; i < 200; i++)
            {
                var sum = cat([a + b, (a + b) * 2.0]) + stack([a + b, a + b]).reshape(-1);
                wrong += sum.data<float>()[7] != 4 || sum[100].item<float>() != 6 ? 1 : 0;
            }
        }

        Volatile.Write(ref stop, true);
        collector.Join();
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Dispose_Twice_CountsOnce()
    {
        var before = Tensor.TotalCount;
        var tensor = ones(1);

        tensor.Dispose();
        tensor.Dispose();

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Dispose_OfAModule_DisposesItsTensors()
    {
        var before = Tensor.TotalCount;
        var model = new ModuleTests.Model();

        model.Dispose();

        Assert.Equal(before, Tensor.TotalCount);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void MakeAndForget()
    {
        for (var i = 0; i < 50; i++)
        {
            _ = ones(10);
        }
    }

    internal static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    internal static long ResidentBytes()
    {
        Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
