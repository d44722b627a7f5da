using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Layers, losses and what belongs to them.</summary>
    public static partial class nn
    {
        /// <summary>
        /// A part of a model: parameters, buffers and other modules, each under a name. Derived classes call
        /// <see cref="RegisterComponents"/> at the end of their constructor, which registers their fields under the field names.
        /// </summary>
        public partial class Module : IDisposable
        {
            private readonly OrderedMembers<Module> submodules = new();
            private readonly OrderedMembers<Parameter> ownParameters = new();
            private readonly OrderedMembers<(Tensor Tensor, bool Persistent)> ownBuffers = new();
            private bool registered;
            private bool isTraining = true;

            /// <summary>The name of the module's kind, for messages.</summary>
            public readonly string name;

            /// <summary>A module whose kind has that name.</summary>
            protected Module(string name) => this.name = name;

            /// <summary>Whether layers behave as in training: dropout drops.</summary>
            public virtual bool training => isTraining;

            /// <summary>Registers the fields of the object, private ones too: modules, parameters, and other tensors as buffers.</summary>
            protected virtual void RegisterComponents()
            {
                if (registered)
                {
                    return;
                }

                foreach (var field in Fields())
                {
                    if (submodules.Contains(field.Name) || ownParameters.Contains(field.Name) || ownBuffers.Contains(field.Name))
                    {
                        continue;
                    }

                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(field.Name, module);
                            break;
                        case Parameter parameter:
                            register_parameter(field.Name, parameter);
                            break;
                        case Tensor tensor:
                            register_buffer(field.Name, tensor);
                            break;
                    }
                }

                registered = true;
            }

            /// <summary>Makes another module part of this one; null takes the name's module out.</summary>
            public virtual void register_module(string name, Module submodule)
            {
                if (submodule is null)
                {
                    submodules.Remove(name);
                    return;
                }

                if (string.IsNullOrEmpty(name))
                {
                    throw new ArgumentException("module name can't be empty string \"\"");
                }

                if (name.Contains('.', StringComparison.Ordinal))
                {
                    throw new ArgumentException($"module name can't contain \".\", got: {name}");
                }

                submodule.RegisterComponents();
                if (!submodules.TryAdd(name, submodule))
                {
                    throw new InvalidOperationException($"Sub-module {name} is already registered.");
                }
            }

            /// <summary>Makes another module part of this one.</summary>
            public void add_module(string name, Module module) => register_module(name, module);

            /// <summary>Makes a parameter part of this module.</summary>
            public virtual void register_parameter(string name, Parameter param)
            {
                if (param is null || param.IsInvalid)
                {
                    throw new ArgumentNullException(nameof(param), "A null tensor cannot be registered as a parameter.");
                }

                if (!ownParameters.TryAdd(name, param))
                {
                    throw new InvalidOperationException($"Parameter {name} is already registered.");
                }
            }

            /// <summary>Makes a tensor that is not trained part of this module; a persistent one belongs to the state.</summary>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                if (tensor is null || tensor.IsInvalid)
                {
                    throw new ArgumentNullException(nameof(tensor), "A null tensor cannot be registered as a buffer.");
                }

                if (!ownBuffers.TryAdd(name, (tensor, persistent)))
                {
                    throw new InvalidOperationException($"Tensor {name} is already registered.");
                }
            }

            /// <summary>The parameters, each once, own ones first.</summary>
            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(item => item.parameter);

            /// <summary>The parameters with their names, "layers.0.weight" for example; a parameter with two names comes once, under the first.</summary>
            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<nint>();
                foreach (var (key, parameter) in ownParameters)
                {
                    if (!parameter.IsInvalid && seen.Add(parameter.Handle))
                    {
                        yield return (key, parameter);
                    }
                }

                if (!recurse)
                {
                    yield break;
                }

                foreach (var (child, module) in submodules)
                {
                    foreach (var (key, parameter) in module.named_parameters())
                    {
                        if (seen.Add(parameter.Handle))
                        {
                            yield return ($"{child}.{key}", parameter);
                        }
                    }
                }
            }

            /// <summary>The tensors that are not trained.</summary>
            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(item => item.buffer);

            /// <summary>The tensors that are not trained, with their names.</summary>
            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                var seen = new HashSet<nint>();
                foreach (var (key, (buffer, persistent)) in ownBuffers)
                {
                    if ((persistent || include_nonpersistent) && !buffer.IsInvalid && seen.Add(buffer.Handle))
                    {
                        yield return (key, buffer);
                    }
                }

                if (!recurse)
                {
                    yield break;
                }

                foreach (var (child, module) in submodules)
                {
                    foreach (var (key, buffer) in module.named_buffers(true, include_nonpersistent))
                    {
                        if (seen.Add(buffer.Handle))
                        {
                            yield return ($"{child}.{key}", buffer);
                        }
                    }
                }
            }

            /// <summary>The modules directly inside.</summary>
            public virtual IEnumerable<Module> children() => named_children().Select(item => item.module);

            /// <summary>The modules directly inside, with their names.</summary>
            public virtual IEnumerable<(string name, Module module)> named_children() => submodules;

            /// <summary>All modules inside, at any depth.</summary>
            public virtual IEnumerable<Module> modules() => named_modules().Select(item => item.module);

            /// <summary>All modules inside, at any depth, with their names: the direct ones first.</summary>
            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var child in submodules)
                {
                    yield return child;
                }

                foreach (var (child, module) in submodules)
                {
                    foreach (var (key, inner) in module.named_modules())
                    {
                        yield return ($"{child}.{key}", inner);
                    }
                }
            }

            /// <summary>The parameter of that name, or null.</summary>
            public virtual Parameter? get_parameter(string target) =>
                named_parameters().FirstOrDefault(item => item.name == target).parameter;

            /// <summary>The buffer of that name, or null.</summary>
            public virtual Tensor? get_buffer(string target) => named_buffers().FirstOrDefault(item => item.name == target).buffer;

            /// <summary>Whether there is a parameter of that name.</summary>
            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            /// <summary>Whether there is a buffer of that name.</summary>
            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            /// <summary>Sets training behaviour for this module and all inside.</summary>
            public virtual void train(bool train = true)
            {
                isTraining = train;
                foreach (var module in children())
                {
                    module.train(train);
                }
            }

            /// <summary>Sets the behaviour of use, not of training, for this module and all inside.</summary>
            public virtual void eval() => train(false);

            /// <summary>Drops the gradients of all parameters, or sets them to zero.</summary>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    if (set_to_none)
                    {
                        parameter.grad = null;
                    }
                    else
                    {
                        using var gradient = parameter.grad;
                        gradient?.zero_();
                    }
                }
            }

            /// <summary>Calls the function for every module inside, then for this one; returns itself.</summary>
            public virtual Module apply(Action<Module> fn)
            {
                foreach (var module in children())
                {
                    module.apply(fn);
                }

                fn(this);
                return this;
            }

            /// <summary>The name of the module's kind.</summary>
            public virtual string GetName() => name;

            /// <inheritdoc/>
            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes parameters, buffers and modules inside.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (!disposing)
                {
                    return;
                }

                foreach (var (_, parameter) in ownParameters)
                {
                    parameter.Dispose();
                }

                foreach (var (_, (buffer, _)) in ownBuffers)
                {
                    buffer.Dispose();
                }

                foreach (var (_, module) in submodules)
                {
                    module.Dispose();
                }
            }

            /// <summary>Registers the parameter in the place of one of the same name; null takes the name out.</summary>
            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null)
                {
                    ownParameters.Remove(name);
                }
                else
                {
                    ownParameters[name] = value;
                }
            }

            /// <summary>Registers the buffer in the place of one of the same name; null takes the name out.</summary>
            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null)
                {
                    ownBuffers.Remove(name);
                }
                else
                {
                    ownBuffers[name] = (value, persistent);
                }
            }

            private IEnumerable<FieldInfo> Fields()
            {
                for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                {
                    foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    {
                        yield return field;
                    }
                }
            }
        }
    }
}
