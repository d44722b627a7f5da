using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

public sealed class LifetimeTests
{
    /// <summary>Bytes of malloc's per step: half of the leak that must be found.</summary>
    private const double LeakBound = 512;

    /// <summary>Resident bytes per step: half a page, because what does not come from malloc comes in pages.</summary>
    private const double PageBound = 2048;

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
    public void Training_ThousandsOfSteps_LeaveCountAndMemoryWhereTheyWere()
    {
        using var model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.LayerNorm(256), nn.Linear(256, 8));
        using var optimizer = optim.AdamW(model.parameters(), 1e-3, weight_decay: 0.01);
        using var input = randn(32, 64);
        using var target = randint(8, [32]);

        Step();
        var tensors = Tensor.TotalCount;
        var (allocated, resident) = BytesPerStep(Step);
        Assert.InRange(allocated, double.NegativeInfinity, LeakBound);
        Assert.InRange(resident, double.NegativeInfinity, PageBound);
        Assert.Equal(tensors, Tensor.TotalCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            nn.functional.cross_entropy(CustomFunctionTests.Cube.apply(model.forward(input), 0.1), target).backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
        }
    }

    [Fact]
    public void Training_ThatLeaksOneKilobyteAStep_IsNoticed()
    {
        // The bound above would be worth nothing if it did not trip here.
        List<Tensor> leaked = [];
        Assert.InRange(BytesPerStep(() => leaked.Add(ones(256))).Allocated, LeakBound, double.PositiveInfinity);
        leaked.ForEach(tensor => tensor.Dispose());
    }

    [Fact]
    public void Training_ThatLeaksAPageAStepBesideMalloc_IsNoticed()
    {
        // A mapping of its own: what malloc has free from earlier tests cannot serve it.
        List<IDisposable> leaked = [];
        Assert.InRange(
            BytesPerStep(() =>
            {
                var page = System.IO.MemoryMappedFiles.MemoryMappedFile.CreateNew(null, Environment.SystemPageSize);
                var view = page.CreateViewAccessor();
                view.Write(0, 1);
                leaked.AddRange([view, page]);
            }).Resident,
            PageBound,
            double.PositiveInfinity);
        leaked.ForEach(page => page.Dispose());
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
    public void EveryKindOfCall_WhileTheCollectorRuns_KeepsItsArguments()
    {
        using var weight = ones(8, 8).requires_grad_();
        using var index = tensor(new long[] { 7, 0 });
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
        var wrong = 0;
        var watch = Stopwatch.StartNew();
        try
        {
            while (watch.ElapsedMilliseconds < 3000)
            {
                // Nothing here is in a scope or in a variable: every argument may be collected as soon as the call no longer holds it.
                autograd.backward([CustomFunctionTests.Cube.apply(weight * ones(8, 8), 1.0).sum()], [ones([]) * 2]);
                wrong += weight.grad!.sum().item<float>() == 6 * 64 ? 0 : 1;
                weight.grad = zeros(8, 8);
                weight.grad = null;
                wrong += autograd.grad([(weight * 3).sum()], [weight])[0][TensorIndex.Tensor(index.clone()), TensorIndex.Slice(1, 3)].sum().item<float>() == 12 ? 0 : 1;
                wrong += (ones(8, 8) * 2)[0].clone().bytes[3] == 0x40 ? 0 : 1;
                wrong += (ones(4) + 1).data<float>().ToArray()[3] == 2 ? 0 : 1;
                wrong += ones(3).to_type(bfloat16).to_type(float32).clone().shape[0] == 3 ? 0 : 1;
                wrong += ones(2).index_put_(ones(1) * 5, index.clone().narrow(0, 1, 1).clone()).sum().item<float>() == 6 ? 0 : 1;
                wrong += (ones(2, 3) * 1).copy_(zeros(3) + 4).split(1, 1)[2].stride(0) == 3 ? 0 : 1;
                wrong += rand([2], generator: new Generator(7)).max().item<float>() < 1 ? 0 : 1;
                wrong += new TorchSharp.Modules.Parameter(ones(2) + 1).detach().is_contiguous() ? 0 : 1;
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            collector.Join();
        }

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

    // The growth per step of what malloc has handed out and of what is resident: in each window of 500 steps the median slope over
    // all pairs of samples (Theil 1950, Sen 1968), and of the ten windows the third smallest. A leak grows in every window. The
    // runtime, which compiles in the background, lets its heap grow in many windows of a busy machine, and gives some of it back in
    // one or two.
    private static (double Allocated, double Resident) BytesPerStep(Action step)
    {
        const int Windows = 10, Steps = 500, Sample = 10, Rank = 2;
        List<double> allocated = [], resident = [];
        for (var window = 0; window < Windows; window++)
        {
            List<(double Step, double Allocated, double Resident)> points = [];
            for (var i = 1; i <= Steps; i++)
            {
                step();
                if (i % Sample == 0)
                {
                    points.Add((i, AllocatedBytes(), ResidentBytes()));
                }
            }

            allocated.Add(Slope(points, point => point.Allocated));
            resident.Add(Slope(points, point => point.Resident));
        }

        return (allocated.Order().ElementAt(Rank), resident.Order().ElementAt(Rank));

        static double Slope(
            List<(double Step, double Allocated, double Resident)> points,
            Func<(double Step, double Allocated, double Resident), double> bytes)
        {
            double[] slopes =
            [
                .. from first in points
                   from second in points
                   where second.Step > first.Step
                   select (bytes(second) - bytes(first)) / (second.Step - first.Step),
            ];
            Array.Sort(slopes);
            return slopes[slopes.Length / 2];
        }
    }

    private static double AllocatedBytes()
    {
        var info = mallinfo2();
        return (double)info.InUse + info.Mapped;
    }

    [System.Runtime.InteropServices.DllImport("libc")]
    private static extern MallocInfo mallinfo2();

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

    /// <summary>struct mallinfo2 of malloc.h.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 80)]
    private struct MallocInfo
    {
        /// <summary>hblkhd: bytes in mapped blocks.</summary>
        [System.Runtime.InteropServices.FieldOffset(32)]
        public nuint Mapped;

        /// <summary>uordblks: bytes in other blocks.</summary>
        [System.Runtime.InteropServices.FieldOffset(56)]
        public nuint InUse;
    }
}
