using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>Stochastic gradient descent, with momentum if wanted.</summary>
    public class SGD : OptimizerHelper
    {
        private readonly Options defaults;

        /// <summary>An optimizer of the parameters.</summary>
        public SGD(
            IEnumerable<Parameter> parameters,
            double lr,
            double momentum = 0,
            double dampening = 0,
            double weight_decay = 0,
            bool nesterov = false,
            bool maximize = false)
            : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize)
        {
        }

        /// <summary>An optimizer of groups of parameters; the other arguments are what a group leaves open.</summary>
        public SGD(
            IEnumerable<ParamGroup> parameters,
            double lr,
            double momentum = 0,
            double dampening = 0,
            double weight_decay = 0,
            bool nesterov = false,
            bool maximize = false)
        {
            if (lr < 0 || momentum < 0 || weight_decay < 0)
            {
                throw new ArgumentException("Learning rate, momentum and weight decay cannot be negative.");
            }

            if (nesterov && (momentum <= 0 || dampening != 0))
            {
                throw new ArgumentException("Nesterov momentum requires a momentum and zero dampening.");
            }

            defaults = new Options
            {
                LearningRate = lr,
                momentum = momentum,
                dampening = dampening,
                weight_decay = weight_decay,
                nesterov = nesterov,
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
                momentum = given?.momentum ?? defaults.momentum,
                dampening = given?.dampening ?? defaults.dampening,
                weight_decay = given?.weight_decay ?? defaults.weight_decay,
                nesterov = given?.nesterov ?? defaults.nesterov,
                maximize = given?.maximize ?? defaults.maximize,
            };
            AddGroup(param_group, options, parameter => new State(parameter));
        }

        private static void Update(Parameter parameter, State state, Options options)
        {
            using var scope = NewDisposeScope();
            var direction = parameter.grad;
            if (direction is null)
            {
                return;
            }

            if (options.weight_decay!.Value != 0)
            {
                direction = direction.add(parameter, options.weight_decay.Value);
            }

            if (options.momentum!.Value != 0)
            {
                if (state.momentum_buffer is null)
                {
                    state.momentum_buffer = direction.detach().clone().DetachFromDisposeScope();
                }
                else
                {
                    state.momentum_buffer.mul_(options.momentum.Value).add_(direction, 1 - options.dampening!.Value);
                }

                direction = options.nesterov == true ? direction.add(state.momentum_buffer, options.momentum.Value) : state.momentum_buffer;
            }

            var rate = options.LearningRate!.Value;
            parameter.add_(direction, options.maximize == true ? rate : -rate);
        }

        /// <summary>The options of SGD; what is null follows the optimizer.</summary>
        public class Options : OptimizerOptions
        {
            /// <summary>How much of the running direction stays from step to step.</summary>
            public double? momentum;

            /// <summary>How much of the gradient is left out of the running direction.</summary>
            public double? dampening;

            /// <summary>The share of the parameter added to its gradient.</summary>
            public double? weight_decay;

            /// <summary>Whether to look one step of momentum ahead.</summary>
            public bool? nesterov;

            /// <summary>Whether to go up the gradient.</summary>
            public bool? maximize;

            /// <inheritdoc/>
            public override void SaveStateDict(BinaryWriter writer)
            {
                base.SaveStateDict(writer);
                writer.Write(momentum!.Value);
                writer.Write(dampening!.Value);
                writer.Write(weight_decay!.Value);
                writer.Write(nesterov!.Value);
                writer.Write(maximize!.Value);
            }

            /// <inheritdoc/>
            public override void LoadStateDict(BinaryReader reader)
            {
                base.LoadStateDict(reader);
                momentum = reader.ReadDouble();
                dampening = reader.ReadDouble();
                weight_decay = reader.ReadDouble();
                nesterov = reader.ReadBoolean();
                maximize = reader.ReadBoolean();
            }

            /// <inheritdoc/>
            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                if (source is Options other)
                {
                    (momentum, dampening, weight_decay) = (other.momentum, other.dampening, other.weight_decay);
                    (nesterov, maximize) = (other.nesterov, other.maximize);
                }
            }
        }

        /// <summary>Parameters that share options of SGD.</summary>
        public class ParamGroup : ParamGroup<Options>
        {
            /// <summary>An empty group.</summary>
            public ParamGroup() => Options = new Options();

            /// <summary>A group with the options.</summary>
            public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                : base(parameters, options)
            {
            }
        }

        /// <summary>What SGD remembers about one parameter.</summary>
        public sealed class State : OptimizerState, IDisposable
        {
            private readonly Parameter parameter;

            internal State(Parameter parameter) => this.parameter = parameter;

            /// <summary>The running direction, in the shape of the parameter; null before the first step with momentum.</summary>
            public Tensor? momentum_buffer;

            /// <inheritdoc/>
            public override void SaveStateDict(BinaryWriter writer)
            {
                writer.Write(momentum_buffer is not null);
                if (momentum_buffer is not null)
                {
                    TensorFile.Write(writer, momentum_buffer);
                }
            }

            /// <inheritdoc/>
            public override void LoadStateDict(BinaryReader reader)
            {
                if (reader.ReadBoolean())
                {
                    momentum_buffer ??= zeros_like(parameter).DetachFromDisposeScope();
                    TensorFile.ReadInto(reader, momentum_buffer);
                }
                else
                {
                    momentum_buffer?.Dispose();
                    momentum_buffer = null;
                }
            }

            /// <inheritdoc/>
            public override void LoadStateDict(OptimizerState source)
            {
                if (ReferenceEquals(source, this))
                {
                    return;
                }

                momentum_buffer?.Dispose();
                momentum_buffer = ((State)source).momentum_buffer?.clone().DetachFromDisposeScope();
            }

            /// <inheritdoc/>
            public void Dispose() => momentum_buffer?.Dispose();
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            /// <summary>Stochastic gradient descent.</summary>
            public static SGD SGD(
                IEnumerable<Parameter> parameters,
                double learningRate,
                double momentum = 0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false) => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            /// <summary>Stochastic gradient descent, of groups of parameters.</summary>
            public static SGD SGD(
                IEnumerable<SGD.ParamGroup> parameters,
                double learningRate,
                double momentum = 0,
                double dampening = 0,
                double weight_decay = 0,
                bool nesterov = false,
                bool maximize = false) => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}
