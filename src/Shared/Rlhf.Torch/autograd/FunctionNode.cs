using System.Runtime.InteropServices;
using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What a node of the graph calls back.</summary>
        internal interface IFunction
        {
            string Name { get; }

            List<Tensor> Backward(AutogradContext context, List<Tensor> gradients);
        }

        /// <summary>One call of a custom function in the graph. The native node holds it until the graph is freed.</summary>
        internal sealed unsafe class FunctionNode
        {
            [ThreadStatic]
            private static Exception? failure;

            private static long alive;

            private readonly IFunction function;
            private readonly AutogradContext context;
            private readonly bool[] isTensor;
            private nint native;

            static FunctionNode() => NativeMethods.rt_function_callbacks(&Backward, &Release);

            private FunctionNode(IFunction function, AutogradContext context, object?[] arguments)
            {
                this.function = function;
                this.context = context;
                isTensor = new bool[arguments.Length];
                for (var i = 0; i < arguments.Length; i++)
                {
                    isTensor[i] = arguments[i] is Tensor { IsInvalid: false };
                }
            }

            /// <summary>Nodes that a graph holds now.</summary>
            public static long Alive => Interlocked.Read(ref alive);

            /// <summary>What the backward pass of a function threw on this thread, if that is what libtorch reports.</summary>
            public static Exception? TakeFailure(string message)
            {
                var taken = failure;
                failure = null;
                return taken is not null && taken.Message == message ? taken : null;
            }

            /// <summary>Puts what the forward pass returned into the graph.</summary>
            /// <param name="function">Whose backward pass the graph runs.</param>
            /// <param name="context">What the forward pass kept.</param>
            /// <param name="arguments">The forward pass's arguments.</param>
            /// <param name="outputs">What it returned.</param>
            /// <param name="needsGradient">Whether any of the arguments needs a gradient.</param>
            public static List<Tensor> Apply(
                IFunction function, AutogradContext context, object?[] arguments, List<Tensor> outputs, bool needsGradient)
            {
                var saved = needsGradient ? context.ToSave : [];
                List<Tensor> inputs = [.. arguments.OfType<Tensor>().Where(tensor => !tensor.IsInvalid)];
                ReadOnlySpan<List<Tensor>> parts = [inputs, outputs, context.NonDifferentiable, context.Dirty, saved];
                var counts = stackalloc int[parts.Length];
                var total = 0;
                for (var i = 0; i < parts.Length; i++)
                {
                    total += counts[i] = parts[i].Count;
                }

                var handles = new nint[total];
                var next = 0;
                foreach (var part in parts)
                {
                    foreach (var tensor in part)
                    {
                        handles[next++] = tensor is null ? 0 : tensor.Handle;
                    }
                }

                var results = new nint[outputs.Count];
                nint handle = 0;
                if (needsGradient)
                {
                    var node = new FunctionNode(function, context, arguments);
                    context.Node = node;
                    Interlocked.Increment(ref alive);
                    handle = GCHandle.ToIntPtr(GCHandle.Alloc(node));
                }

                fixed (nint* tensors = handles, made = results)
                {
                    var code = NativeMethods.rt_function_apply(handle, context.MaterializeGrads ? 1 : 0, tensors, counts, made, out var native);
                    foreach (var part in parts)
                    {
                        GC.KeepAlive(part);
                    }

                    Aten.Check(code);
                    context.Node?.native = native;
                }

                context.Saved();
                return [.. results.Select(result => new Tensor(result))];
            }

            /// <summary>The saved tensors, null where null was saved.</summary>
            public List<Tensor> Saved(int count)
            {
                if (count == 0)
                {
                    return [];
                }

                if (native == 0)
                {
                    throw new InvalidOperationException($"The graph that {function.Name} belongs to was freed, its saved tensors with it.");
                }

                var handles = new nint[count];
                fixed (nint* results = handles)
                {
                    Aten.Check(NativeMethods.rt_function_saved(native, results));
                }

                return [.. handles.Select(handle => Tensor.OrNull(handle)!)];
            }

            [UnmanagedCallersOnly]
            private static int Backward(nint handle, nint* gradients, int gradientCount, nint* results, int resultCount)
            {
                try
                {
                    var node = (FunctionNode)GCHandle.FromIntPtr(handle).Target!;

                    // Everything made here is released here: a graph has many nodes, and the caller's scope ends after all of them.
                    using var scope = NewDisposeScope();
                    var incoming = new List<Tensor>(gradientCount);
                    for (var i = 0; i < gradientCount; i++)
                    {
                        incoming.Add(new Tensor(gradients[i]));
                    }

                    node.HandOut(node.function.Backward(node.context, incoming), new Span<nint>(results, resultCount));
                    return 0;
                }
#pragma warning disable CA1031 // Nothing may be thrown through the native frames: the message travels through them instead.
                catch (Exception error)
#pragma warning restore CA1031
                {
                    failure = error;
                    NativeMethods.rt_set_error(error.Message);
                    return 1;
                }
            }

            [UnmanagedCallersOnly]
            private static void Release(nint handle)
            {
                var gcHandle = GCHandle.FromIntPtr(handle);
                var node = (FunctionNode)gcHandle.Target!;
                node.native = 0;
                node.context.Dispose();
                gcHandle.Free();
                Interlocked.Decrement(ref alive);
            }

            private void HandOut(List<Tensor> gradients, Span<nint> results)
            {
                for (var i = isTensor.Length; i < gradients.Count; i++)
                {
                    if (gradients[i] is { IsInvalid: false })
                    {
                        throw new NotImplementedException(
                            $"Function {function.Name} returned an incorrect number of gradients (expected {isTensor.Length}, got {gradients.Count})");
                    }
                }

                if (gradients.Count < isTensor.Length)
                {
                    throw new NotImplementedException(
                        $"Function {function.Name} returned an incorrect number of gradients (expected {isTensor.Length}, got {gradients.Count})");
                }

                var next = 0;
                for (var i = 0; i < isTensor.Length; i++)
                {
                    var defined = gradients[i] is { IsInvalid: false };
                    if (isTensor[i])
                    {
                        results[next++] = defined ? NativeMethods.rt_retain(gradients[i].Handle) : 0;
                    }
                    else if (defined)
                    {
                        throw new NotImplementedException(
                            $"Function {function.Name} returned a gradient at position {i + 1}, but the corresponding forward input was not a Tensor");
                    }
                }

                GC.KeepAlive(gradients);
            }
        }
    }
}
