using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>
/// Disposes the tensors made while it was the innermost open scope of its thread, except those moved out. Open one per training
/// step and per generated token: the collector does not see how much native memory a tensor holds.
/// </summary>
public sealed class DisposeScope : IDisposable
{
    [ThreadStatic]
    private static DisposeScope? current;

    // A disposed or moved tensor leaves a hole, so that leaving costs the same however many tensors a scope holds.
    private List<Tensor?> tensors = [];
    private int count;
    private bool disposed;

    private DisposeScope() => OuterScope = current;

    internal static DisposeScope? Current => current;

    internal DisposeScope? OuterScope { get; private set; }

    /// <summary>The number of tensors it would dispose now.</summary>
    public int DisposablesCount
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return count;
        }
    }

    /// <summary>The tensors it would dispose now.</summary>
    public IReadOnlyList<IDisposable> DisposablesView
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return [.. tensors.OfType<Tensor>()];
        }
    }

    internal static DisposeScope Open() => current = new DisposeScope();

    /// <summary>Puts a tensor that is about to be used first under the innermost scope, if one is open.</summary>
    internal static void Register(Tensor tensor) => current?.Add(tensor);

    /// <summary>Gives the tensor to the next outer scope, or to the caller where there is none.</summary>
    public T MoveToOuter<T>(T disposable)
        where T : IDisposable
    {
        Move(disposable, OuterScope);
        return disposable;
    }

    /// <summary>Gives the tensors to the next outer scope, or to the caller where there is none.</summary>
    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second)
        where T1 : IDisposable
        where T2 : IDisposable => (MoveToOuter(first), MoveToOuter(second));

    /// <summary>Gives the tensors to the next outer scope, or to the caller where there is none.</summary>
    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third)
        where T1 : IDisposable
        where T2 : IDisposable
        where T3 : IDisposable => (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));

    /// <summary>Gives the tensors to the next outer scope, or to the caller where there is none.</summary>
    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);

    /// <summary>Gives the tensors to the next outer scope, or to the caller where there is none.</summary>
    public void MoveToOuter(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            Move(disposable, OuterScope);
        }
    }

    /// <summary>Gives the tensor to another scope, or to the caller where that is null.</summary>
    public T MoveToOther<T>(DisposeScope? scope, T disposable)
        where T : IDisposable
    {
        Move(disposable, scope);
        return disposable;
    }

    /// <summary>Takes the tensor out: from now on the caller disposes it.</summary>
    public T Detach<T>(T disposable)
        where T : IDisposable
    {
        Move(disposable, null);
        return disposable;
    }

    /// <summary>Takes the tensors out: from now on the caller disposes them.</summary>
    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);

    /// <summary>Takes the tensors out: from now on the caller disposes them.</summary>
    public void Detach(IEnumerable<IDisposable> disposables)
    {
        foreach (var disposable in disposables)
        {
            Move(disposable, null);
        }
    }

    /// <summary>Takes a tensor in, from wherever it belonged before.</summary>
    public void Attach(IDisposable disposable)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (disposable is not Tensor tensor)
        {
            throw new InvalidOperationException("DisposeScope can only manage Tensor");
        }

        if (tensor.OwningDisposeScope != this)
        {
            tensor.OwningDisposeScope?.Remove(tensor);
            Add(tensor);
        }
    }

    /// <summary>Takes tensors in, from wherever they belonged before.</summary>
    public void Attach(params IDisposable[] disposables)
    {
        foreach (var disposable in disposables)
        {
            Attach(disposable);
        }
    }

    /// <summary>Whether it would dispose this object now.</summary>
    public bool Contains(IDisposable disposable) => disposable is Tensor tensor && tensor.OwningDisposeScope == this;

    /// <summary>Disposes what it holds, and stays open.</summary>
    public void DisposeEverything() => DisposeEverythingBut([]);

    /// <summary>Disposes what it holds except one, which stays in it, and stays open.</summary>
    public T DisposeEverythingBut<T>(T keep)
        where T : IDisposable
    {
        DisposeEverythingBut((IEnumerable<IDisposable>)[keep]);
        return keep;
    }

    /// <summary>Disposes what it holds except those given, which stay in it, and stays open.</summary>
    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);

    /// <summary>Disposes what it holds except those given, which stay in it, and stays open.</summary>
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var kept = inKeep.OfType<Tensor>().Where(Contains).ToHashSet<Tensor>(ReferenceEqualityComparer.Instance);
        var old = tensors;
        tensors = [];
        count = 0;
        foreach (var tensor in old)
        {
            if (tensor is null)
            {
                continue;
            }

            tensor.OwningDisposeScope = null;
            if (kept.Contains(tensor))
            {
                Add(tensor);
            }
            else
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>Disposes what it holds and closes it; the next outer scope becomes the innermost one.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        DisposeEverything();
        disposed = true;
        if (current == this)
        {
            current = OuterScope;
            return;
        }

        // Closed out of order: the scopes inside it go on, with the next one out as their outer scope.
        for (var scope = current; scope is not null; scope = scope.OuterScope)
        {
            if (scope.OuterScope == this)
            {
                scope.OuterScope = OuterScope;
                break;
            }
        }
    }

    internal void Remove(Tensor tensor)
    {
        tensors[tensor.ScopeSlot] = null;
        tensor.OwningDisposeScope = null;
        if (--count == 0)
        {
            tensors.Clear();
        }
    }

    private void Add(Tensor tensor)
    {
        tensor.OwningDisposeScope = this;
        tensor.ScopeSlot = tensors.Count;
        tensors.Add(tensor);
        count++;
    }

    private void Move(IDisposable disposable, DisposeScope? target)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!Contains(disposable))
        {
            return;
        }

        var tensor = (Tensor)disposable;
        Remove(tensor);
        target?.Add(tensor);
    }
}
