using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Automatic differentiation.</summary>
    public static partial class autograd
    {
        /// <summary>
        /// The gradients of the outputs' sum, each output weighted by its <paramref name="grad_outputs"/>, with respect to the inputs. With
        /// <paramref name="allow_unused"/> an input that the outputs do not depend on gets null.
        /// </summary>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs,
            IList<Tensor> inputs,
            IList<Tensor>? grad_outputs = null,
            bool retain_graph = false,
            bool create_graph = false,
            bool allow_unused = false)
        {
            var outputHandles = Handles(outputs)!;
            var inputHandles = Handles(inputs)!;
            var weightHandles = Weights(grad_outputs, outputs.Count);
            var results = new nint[inputs.Count];
            fixed (nint* o = outputHandles, i = inputHandles, w = weightHandles, r = results)
            {
                var code = NativeMethods.rt_autograd_grad(
                    o, outputHandles.Length, i, inputHandles.Length, w, retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, r);
                GC.KeepAlive(outputs);
                GC.KeepAlive(inputs);
                GC.KeepAlive(grad_outputs);
                Aten.Check(code);
            }

            return [.. results.Select(handle => Tensor.OrNull(handle)!)];
        }

        /// <summary>Adds the gradients of the tensor to <see cref="Tensor.grad"/> of every leaf, or of <paramref name="inputs"/> only.</summary>
        public static void backward(
            Tensor tensor,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null) => backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>Adds the gradients of the tensor, weighted by <paramref name="grad_tensor"/>, to <see cref="Tensor.grad"/> of every leaf.</summary>
        public static void backward(
            Tensor tensor,
            Tensor grad_tensor,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null) => backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        /// <summary>Adds the gradients of the tensors to <see cref="Tensor.grad"/> of every leaf, or of <paramref name="inputs"/> only.</summary>
        public static unsafe void backward(
            IList<Tensor> tensors,
            IList<Tensor>? grad_tensors = null,
            bool? retain_graph = null,
            bool create_graph = false,
            IList<Tensor>? inputs = null)
        {
            var rootHandles = Handles(tensors)!;
            var weightHandles = Weights(grad_tensors, tensors.Count);
            var inputHandles = Handles(inputs) ?? [];
            fixed (nint* roots = rootHandles, weights = weightHandles, leaves = inputHandles)
            {
                var code = NativeMethods.rt_backward(
                    roots, rootHandles.Length, weights, retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, leaves, inputHandles.Length);
                GC.KeepAlive(tensors);
                GC.KeepAlive(grad_tensors);
                GC.KeepAlive(inputs);
                Aten.Check(code);
            }
        }

        private static nint[]? Weights(IList<Tensor>? weights, int count)
        {
            if (weights is null || weights.Count == 0)
            {
                return null;
            }

            return weights.Count == count
                ? Handles(weights)
                : throw new ArgumentException($"There are {count} tensors and {weights.Count} gradients for them.");
        }

        private static nint[]? Handles(IList<Tensor>? tensors) => tensors?.Select(tensor => tensor is null ? 0 : tensor.Handle).ToArray();
    }
}
