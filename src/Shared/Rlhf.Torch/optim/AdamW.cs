using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).</summary>
    public class AdamW : OptimizerHelper
    {
        private readonly Options defaults;

        /// <summary>An optimizer of the parameters.</summary>
        public AdamW(
            IEnumerable<Parameter> parameters,
            double lr = 1e-3,
            double beta1 = 0.9,
            double beta2 = 0.999,
            double eps = 1e-8,
            double weight_decay = 0,
            bool amsgrad = false,
            bool maximize = false)
            : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize)
        {
        }

        /// <summary>An optimizer of groups of parameters; the other arguments are what a group leaves open.</summary>
        public AdamW(
            IEnumerable<ParamGroup> parameters,
            double lr = 1e-3,
            double beta1 = 0.9,
            double beta2 = 0.999,
            double eps = 1e-8,
            double weight_decay = 0,
            bool amsgrad = false,
            bool maximize = false)
        {
            Require(lr >= 0, "learning rate", lr);
            Require(eps >= 0, "ε", eps);
            Require(beta1 is >= 0 and < 1, "beta1", beta1);
            Require(beta2 is >= 0 and < 1, "beta2", beta2);
            Require(weight_decay >= 0, "weight_decay value", weight_decay);
            defaults = new Options
            {
                LearningRate = lr,
                beta1 = beta1,
                beta2 = beta2,
                eps = eps,
                weight_decay = weight_decay,
                amsgrad = amsgrad,
                maximize = maximize,
            };
            foreach (var group in parameters)
            {
                add_param_group(group);
            }
        }

        /// <summary>Changes every parameter that has a gradient.</summary>
        public override Tensor? step(Func<Tensor>? closure = null) => Step(
            group =>
            {
                var options = (Options)group.Options;
                foreach (var parameter in group.Parameters)
                {
                    Update(parameter, StateOf<State>(parameter), options);
                }
            },
            closure);

        /// <summary>Adds a group of parameters; what its options leave open follows the optimizer.</summary>
        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var given = param_group.Options as Options;
            var options = new Options
            {
                LearningRate = param_group.Options.LearningRate ?? defaults.LearningRate,
                beta1 = given?.beta1 ?? defaults.beta1,
                beta2 = given?.beta2 ?? defaults.beta2,
                eps = given?.eps ?? defaults.eps,
                weight_decay = given?.weight_decay ?? defaults.weight_decay,
                amsgrad = given?.amsgrad ?? defaults.amsgrad,
                maximize = given?.maximize ?? defaults.maximize,
            };
            AddGroup(param_group, options, parameter => new State(parameter, options.amsgrad == true));
        }

        private static void Update(Parameter parameter, State state, Options options)
        {
            using var gradient = parameter.grad;
            if (gradient is null)
            {
                return;
            }

            using var scope = NewDisposeScope();
            var direction = options.maximize == true ? -gradient : gradient;
            var (beta1, beta2) = (options.beta1!.Value, options.beta2!.Value);
            var lr = options.LearningRate!.Value;
            state.step++;
            if (options.weight_decay!.Value != 0)
            {
                parameter.mul_(1 - (lr * options.weight_decay.Value));
            }

            state.exp_avg.mul_(beta1).add_(direction, 1 - beta1);
            state.exp_avg_sq.mul_(beta2).addcmul_(direction, direction, 1 - beta2);
            var second = state.exp_avg_sq;
            if (state.max_exp_avg_sq is { } maximum)
            {
                maximum.copy_(maximum.maximum(second));
                second = maximum;
            }

            var correction1 = 1 - Math.Pow(beta1, state.step);
            var correction2 = 1 - Math.Pow(beta2, state.step);
            var denominator = second.sqrt().div_(Math.Sqrt(correction2)).add_(options.eps!.Value);
            parameter.addcdiv_(state.exp_avg, denominator, -lr / correction1);
        }

        private static void Require(bool condition, string what, double value)
        {
            if (!condition)
            {
                throw new ArgumentException(FormattableString.Invariant($"Invalid {what}: {value}"));
            }
        }

        /// <summary>The options of AdamW; what is null follows the optimizer.</summary>
        public class Options : OptimizerOptions
        {
            /// <summary>How much of the mean gradient stays from step to step.</summary>
            public double? beta1;

            /// <summary>How much of the mean squared gradient stays from step to step.</summary>
            public double? beta2;

            /// <summary>What is added to the denominator.</summary>
            public double? eps;

            /// <summary>The share, times the learning rate, by which parameters shrink per step.</summary>
            public double? weight_decay;

            /// <summary>Whether the greatest mean squared gradient so far is divided by.</summary>
            public bool? amsgrad;

            /// <summary>Whether to go up the gradient.</summary>
            public bool? maximize;

            /// <inheritdoc/>
            public override void SaveStateDict(BinaryWriter writer)
            {
                base.SaveStateDict(writer);
                writer.Write(beta1!.Value);
                writer.Write(beta2!.Value);
                writer.Write(eps!.Value);
                writer.Write(weight_decay!.Value);
                writer.Write(amsgrad!.Value);
                writer.Write(maximize!.Value);
            }

            /// <inheritdoc/>
            public override void LoadStateDict(BinaryReader reader)
            {
                base.LoadStateDict(reader);
                beta1 = reader.ReadDouble();
                beta2 = reader.ReadDouble();
                eps = reader.ReadDouble();
                weight_decay = reader.ReadDouble();
                amsgrad = reader.ReadBoolean();
                maximize = reader.ReadBoolean();
            }

            /// <inheritdoc/>
            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                if (source is Options other)
                {
                    (beta1, beta2, eps) = (other.beta1, other.beta2, other.eps);
                    (weight_decay, amsgrad, maximize) = (other.weight_decay, other.amsgrad, other.maximize);
                }
            }
        }

        /// <summary>Parameters that share options of AdamW.</summary>
        public class ParamGroup : ParamGroup<Options>
        {
            /// <summary>An empty group.</summary>
            public ParamGroup() => Options = new Options();

            /// <summary>A group with the options.</summary>
            public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                : base(parameters, options)
            {
            }

            /// <summary>A group with the options.</summary>
            public ParamGroup(
                IEnumerable<Parameter> parameters,
                double lr = 1e-3,
                double beta1 = 0.9,
                double beta2 = 0.999,
                double eps = 1e-8,
                double weight_decay = 0,
                bool amsgrad = false,
                bool maximize = false)
                : this(
                    parameters,
                    new Options
                    {
                        LearningRate = lr,
                        beta1 = beta1,
                        beta2 = beta2,
                        eps = eps,
                        weight_decay = weight_decay,
                        amsgrad = amsgrad,
                        maximize = maximize,
                    })
            {
            }
        }

        /// <summary>What AdamW remembers about one parameter.</summary>
        public sealed class State : OptimizerState, IDisposable
        {
            /// <summary>The number of updates so far.</summary>
            public long step;

            /// <summary>The running mean of the gradient, in the shape of the parameter.</summary>
            public Tensor exp_avg;

            /// <summary>The running mean of the squared gradient, in the shape of the parameter.</summary>
            public Tensor exp_avg_sq;

            /// <summary>The greatest <see cref="exp_avg_sq"/> so far; null without amsgrad.</summary>
            public Tensor? max_exp_avg_sq;

            internal State(Parameter parameter, bool amsgrad)
            {
                exp_avg = zeros_like(parameter).DetachFromDisposeScope();
                exp_avg_sq = zeros_like(parameter).DetachFromDisposeScope();
                max_exp_avg_sq = amsgrad ? zeros_like(parameter).DetachFromDisposeScope() : null;
            }

            /// <inheritdoc/>
            public override void SaveStateDict(BinaryWriter writer)
            {
                writer.Write(step);
                TensorFile.Write(writer, exp_avg);
                TensorFile.Write(writer, exp_avg_sq);
                writer.Write(max_exp_avg_sq is not null);
                if (max_exp_avg_sq is not null)
                {
                    TensorFile.Write(writer, max_exp_avg_sq);
                }
            }

            /// <inheritdoc/>
            public override void LoadStateDict(BinaryReader reader)
            {
                step = reader.ReadInt64();
                TensorFile.ReadInto(reader, exp_avg);
                TensorFile.ReadInto(reader, exp_avg_sq);
                if (reader.ReadBoolean())
                {
                    max_exp_avg_sq ??= zeros_like(exp_avg_sq).DetachFromDisposeScope();
                    TensorFile.ReadInto(reader, max_exp_avg_sq);
                }
                else
                {
                    max_exp_avg_sq?.Dispose();
                    max_exp_avg_sq = null;
                }
            }

            /// <inheritdoc/>
            public override void LoadStateDict(OptimizerState source)
            {
                if (ReferenceEquals(source, this))
                {
                    return;
                }

                var other = (State)source;
                step = other.step;
                exp_avg.copy_(other.exp_avg);
                exp_avg_sq.copy_(other.exp_avg_sq);
                if (max_exp_avg_sq is not null && other.max_exp_avg_sq is not null)
                {
                    max_exp_avg_sq.copy_(other.max_exp_avg_sq);
                }
            }

            /// <inheritdoc/>
            public void Dispose()
            {
                exp_avg.Dispose();
                exp_avg_sq.Dispose();
                max_exp_avg_sq?.Dispose();
            }
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Adam with decoupled weight decay; weight decay is 0 unless given, as in TorchSharp and unlike in PyTorch.</summary>
            public static AdamW AdamW(
                IEnumerable<Parameter> parameters,
                double lr = 1e-3,
                double beta1 = 0.9,
                double beta2 = 0.999,
                double eps = 1e-8,
                double weight_decay = 0,
                bool amsgrad = false,
                bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            /// <summary>Adam with decoupled weight decay, of a module's named parameters.</summary>
            public static AdamW AdamW(
                IEnumerable<(string name, Parameter parameter)> parameters,
                double lr = 1e-3,
                double beta1 = 0.9,
                double beta2 = 0.999,
                double eps = 1e-8,
                double weight_decay = 0,
                bool amsgrad = false,
                bool maximize = false) =>
                new(parameters.Select(item => item.parameter), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            /// <summary>Adam with decoupled weight decay, of groups of parameters.</summary>
            public static AdamW AdamW(
                IEnumerable<AdamW.ParamGroup> parameters,
                double lr = 1e-3,
                double beta1 = 0.9,
                double beta2 = 0.999,
                double eps = 1e-8,
                double weight_decay = 0,
                bool amsgrad = false,
                bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
        }
    }
}
