using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Native;

/// <summary>
/// Calls ATen operators by name, "name" or "name.overload" as in libtorch's schemas. Arguments after the last one given take
/// the schema's default.
/// </summary>
internal static unsafe class Aten
{
    private const int StackWords = 128;
    private const int MaxResults = 4;

    private static readonly ConcurrentDictionary<string, nint> operators = new();

    /// <summary>Whether this libtorch has the operator.</summary>
    public static bool Has(string name) => operators.ContainsKey(name) || TryFind(name, out _);

    /// <summary>An operator with one tensor as result.</summary>
    public static Tensor Call(string name, params ReadOnlySpan<Arg> arguments)
    {
        Value result;
        Invoke(name, arguments, &result, 1);
        return new Tensor(result.Pointer);
    }

    /// <summary>An operator that changes <paramref name="self"/> and returns it: the same managed object comes back.</summary>
    public static Tensor CallInPlace(Tensor self, string name, params ReadOnlySpan<Arg> arguments)
    {
        Value result;
        Invoke(name, arguments, &result, 1);
        if (result.Tag == Tag.Tensor)
        {
            NativeMethods.rt_release(result.Pointer);
        }

        return self;
    }

    /// <summary>An operator without a result.</summary>
    public static void CallVoid(string name, params ReadOnlySpan<Arg> arguments) => Invoke(name, arguments, null, 0);

    /// <summary>An operator with two tensors as results.</summary>
    public static (Tensor, Tensor) CallPair(string name, params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc Value[2];
        Invoke(name, arguments, results, 2);
        return (new Tensor(results[0].Pointer), new Tensor(results[1].Pointer));
    }

    /// <summary>An operator whose first of several tensors is wanted.</summary>
    public static Tensor CallFirst(string name, params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc Value[MaxResults];
        Invoke(name, arguments, results, MaxResults);
        for (var i = 1; i < MaxResults; i++)
        {
            if (results[i].Tag == Tag.Tensor)
            {
                NativeMethods.rt_release(results[i].Pointer);
            }
        }

        return new Tensor(results[0].Pointer);
    }

    /// <summary>An operator with three tensors as results.</summary>
    public static (Tensor, Tensor, Tensor) CallTriple(string name, params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc Value[3];
        Invoke(name, arguments, results, 3);
        return (new Tensor(results[0].Pointer), new Tensor(results[1].Pointer), new Tensor(results[2].Pointer));
    }

    /// <summary>An operator with a list of tensors as result.</summary>
    public static Tensor[] CallList(string name, params ReadOnlySpan<Arg> arguments)
    {
        Value result;
        Invoke(name, arguments, &result, 1);
        var handles = (nint*)result.Pointer;
        var tensors = new Tensor[result.Length];
        for (var i = 0; i < tensors.Length; i++)
        {
            tensors[i] = new Tensor(handles[i]);
        }

        NativeMethods.rt_free(handles);
        return tensors;
    }

    /// <summary>An operator whose result is a number or a truth value.</summary>
    public static Scalar CallScalar(string name, params ReadOnlySpan<Arg> arguments)
    {
        Value result;
        Invoke(name, arguments, &result, 1);
        return new Scalar(result.Tag, result.Int);
    }

    /// <summary>Throws what the native library reports, unless <paramref name="code"/> is zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(int code)
    {
        if (code != 0)
        {
            Throw();
        }
    }

    private static void Throw()
    {
        var message = NativeMethods.LastError();
        throw new System.Runtime.InteropServices.ExternalException(message, autograd.FunctionNode.TakeFailure(message));
    }

    private static void Invoke(string name, ReadOnlySpan<Arg> arguments, Value* results, int resultCount)
    {
        if (!operators.TryGetValue(name, out var op))
        {
            op = Find(name);
        }

        var words = 0;
        foreach (ref readonly var argument in arguments)
        {
            words += argument.Words;
        }

        var values = stackalloc Value[arguments.Length];
        if (words <= StackWords)
        {
            var buffer = stackalloc long[words];
            Invoke(op, arguments, values, buffer, results, resultCount);
        }
        else
        {
            fixed (long* buffer = new long[words])
            {
                Invoke(op, arguments, values, buffer, results, resultCount);
            }
        }
    }

    private static void Invoke(nint op, ReadOnlySpan<Arg> arguments, Value* values, long* words, Value* results, int resultCount)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i].ToValue(words);
            words += arguments[i].Words;
        }

        var code = NativeMethods.rt_call(op, values, arguments.Length, results, resultCount);

        // The native side holds raw handles only: until here nothing may be finalized on another thread.
        foreach (ref readonly var argument in arguments)
        {
            GC.KeepAlive(argument.Owner);
        }

        Check(code);
    }

    private static nint Find(string name) => TryFind(name, out var op)
        ? op
        : throw new System.Runtime.InteropServices.ExternalException(NativeMethods.LastError());

    private static bool TryFind(string name, out nint op)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (plain, overload) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        if (NativeMethods.rt_op_find("aten::" + plain, overload, out op) != 0)
        {
            return false;
        }

        op = operators.GetOrAdd(name, op);
        return true;
    }
}
