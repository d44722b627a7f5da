// Oblivious to null as TorchSharp is: an argument, a saved tensor or a gradient may be null, and overrides are written for both bindings.
#nullable disable annotations

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>
        /// A function with a gradient of its own. Derive from <see cref="SingleTensorFunction{T}"/> or <see cref="MultiTensorFunction{T}"/>, and
        /// call <c>T.apply</c>. Tensors among the arguments take part in the graph; tensors inside other arguments do not.
        /// </summary>
        /// <typeparam name="T">The deriving class. One instance of it serves every call: what a call must remember belongs in its context.</typeparam>
        public abstract class Function<T> : IFunction
            where T : Function<T>, new()
        {
            internal static T Instance { get; set; } = new();

            /// <summary>The name that error messages use.</summary>
            public abstract string Name { get; }

            /// <summary>Runs the forward pass without recording gradients, and puts its results into the graph.</summary>
            public static List<Tensor> apply_internal(params object[] vars)
            {
                var needsGradient = false;
                if (is_grad_enabled())
                {
                    foreach (var argument in vars)
                    {
                        needsGradient |= argument is Tensor { IsInvalid: false, requires_grad: true };
                    }
                }

                var context = new AutogradContext();
                List<Tensor> outputs;
                using (no_grad())
                {
                    outputs = Instance.forward_internal(context, vars);
                }

                return FunctionNode.Apply(Instance, context, vars, outputs, needsGradient);
            }

            List<Tensor> IFunction.Backward(AutogradContext context, List<Tensor> gradients) => backward_internal(context, gradients);

            internal abstract List<Tensor> forward_internal(AutogradContext ctx, params object[] vars);

            internal abstract List<Tensor> backward_internal(AutogradContext ctx, List<Tensor> grad_outputs);
        }

        /// <summary>A function with a gradient of its own and one tensor as result.</summary>
        /// <typeparam name="T">The deriving class.</typeparam>
        public abstract class SingleTensorFunction<T> : Function<T>
            where T : SingleTensorFunction<T>, new()
        {
            /// <summary>Calls the function.</summary>
            public static Tensor apply(params object[] vars) => apply_internal(vars)[0];

            /// <summary>Computes the result; nothing in here is recorded.</summary>
            public abstract Tensor forward(AutogradContext ctx, params object[] vars);

            /// <summary>
            /// Computes one gradient for each argument of <see cref="forward"/>, in their order: null for one that is not a tensor or needs none.
            /// </summary>
            public abstract List<Tensor> backward(AutogradContext ctx, Tensor grad_output);

            internal sealed override List<Tensor> forward_internal(AutogradContext ctx, params object[] vars) => [forward(ctx, vars)];

            internal sealed override List<Tensor> backward_internal(AutogradContext ctx, List<Tensor> grad_outputs) => backward(ctx, grad_outputs[0]);
        }

        /// <summary>A function with a gradient of its own and several tensors as results.</summary>
        /// <typeparam name="T">The deriving class.</typeparam>
        public abstract class MultiTensorFunction<T> : Function<T>
            where T : MultiTensorFunction<T>, new()
        {
            /// <summary>Calls the function.</summary>
            public static List<Tensor> apply(params object[] vars) => apply_internal(vars);

            /// <summary>Computes the results; nothing in here is recorded.</summary>
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);

            /// <summary>
            /// Computes one gradient for each argument of <see cref="forward"/>, in their order, from one for each of its results.
            /// </summary>
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);

            internal sealed override List<Tensor> forward_internal(AutogradContext ctx, params object[] vars) => forward(ctx, vars);

            internal sealed override List<Tensor> backward_internal(AutogradContext ctx, List<Tensor> grad_outputs) => backward(ctx, grad_outputs);
        }
    }
}
