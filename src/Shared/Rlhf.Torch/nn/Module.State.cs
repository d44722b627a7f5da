using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            /// <summary>
            /// Parameters and persistent buffers by name. A parameter used twice (a tied one) has an entry under each name.
            /// </summary>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                string Key(string name) => string.IsNullOrEmpty(prefix) ? name : $"{prefix}.{name}";
                foreach (var (key, parameter) in named_parameters())
                {
                    destination.TryAdd(Key(key), parameter);
                }

                foreach (var (key, buffer) in named_buffers(include_nonpersistent: false))
                {
                    destination.TryAdd(Key(key), buffer);
                }

                foreach (var (child, module) in submodules)
                {
                    module.state_dict(destination, Key(child));
                }

                return destination;
            }

            /// <summary>Writes parameters and persistent buffers to a file in TorchSharp's own format, without those to skip.</summary>
            public Module save(string location, IList<string>? skip = null)
            {
                using var writer = new BinaryWriter(File.Create(location));
                var entries = state_dict().Where(entry => skip is null || !skip.Contains(entry.Key)).ToArray();
                writer.Write7BitEncodedInt64(entries.Length);
                foreach (var (key, tensor) in entries)
                {
                    writer.Write(key);
                    TensorFile.Write(writer, tensor);
                }

                return this;
            }

            /// <summary>
            /// Reads parameters and buffers from a file that <see cref="save(string, IList{string})"/> wrote. Strictly, both must have the same
            /// names. <paramref name="loadedParameters"/> gets the names in the file, and whether the module has them.
            /// </summary>
            /// <exception cref="FileNotFoundException">There is no such file.</exception>
            /// <exception cref="ArgumentException">A name, type or shape differs.</exception>
            /// <exception cref="EndOfStreamException">The file ends too early.</exception>
            public virtual Module load(
                string location, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null)
            {
                using var reader = new BinaryReader(File.OpenRead(location));
                var own = state_dict();
                var entries = reader.Read7BitEncodedInt64();
                if (strict && entries != own.Count)
                {
                    throw new ArgumentException($"Mismatched state_dict sizes: expected {own.Count}, but found {entries} entries.");
                }

                for (var i = 0L; i < entries; i++)
                {
                    var key = reader.ReadString();
                    var found = own.TryGetValue(key, out var tensor);
                    if (strict && !found)
                    {
                        throw new ArgumentException($"Mismatched module state names: the module has no parameter or buffer named '{key}'.");
                    }

                    if (found && skip?.Contains(key) != true)
                    {
                        TensorFile.ReadInto(reader, tensor!);
                    }
                    else
                    {
                        TensorFile.Skip(reader);
                    }

                    loadedParameters?.Add(key, found);
                }

                return this;
            }

            /// <summary>
            /// Copies the tensors (converted to the own types) into the parameters and buffers of the same names. Strictly, both must have the
            /// same names.
            /// </summary>
            /// <exception cref="InvalidOperationException">The names differ and <paramref name="strict"/> is on.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                skip ??= [];
                var destination = state_dict();
                List<string> unexpected = [.. source.Keys.Where(key => !skip.Contains(key) && !destination.ContainsKey(key))];
                List<string> missing = [.. destination.Keys.Where(key => !skip.Contains(key) && !source.ContainsKey(key))];
                if (strict && (missing.Count > 0 || unexpected.Count > 0))
                {
                    throw new InvalidOperationException(
                        "The loaded state_dict is not identical to the target dictionary. " +
                        $"Missing: {Listed(missing)}. Unexpected: {Listed(unexpected)}.");
                }

                using var guard = no_grad();
                foreach (var (key, tensor) in source)
                {
                    if (!skip.Contains(key) && destination.TryGetValue(key, out var target))
                    {
                        target.copy_(tensor);
                    }
                }

                return (missing, unexpected);
            }

            /// <summary>Moves and converts parameters and buffers; integers keep their type. Tied parameters stay tied.</summary>
            internal void ConvertTo(ScalarType? type, Device? device)
            {
                using var guard = no_grad();
                HashSet<nint> converted = [];
                foreach (var owner in modules().Prepend(this))
                {
                    foreach (var (_, parameter) in owner.ownParameters)
                    {
                        if (converted.Add(parameter.Handle))
                        {
                            Convert(parameter, type, device);
                        }
                    }

                    foreach (var (_, (buffer, _)) in owner.ownBuffers)
                    {
                        if (converted.Add(buffer.Handle))
                        {
                            Convert(buffer, type, device);
                        }
                    }
                }
            }

            private static void Convert(Tensor tensor, ScalarType? type, Device? device)
            {
                var wantedType = type is { } asked && is_floating_point(tensor.dtype) ? asked : tensor.dtype;
                var wantedDevice = device ?? tensor.device;
                if (wantedType == tensor.dtype && wantedDevice.Equals(tensor.device))
                {
                    return;
                }

                using var gradient = tensor.grad;
                tensor.grad = null;
                using var moved = tensor.detach().to(wantedType, wantedDevice, disposeAfter: true);
                tensor.SetData(moved);
                if (gradient is not null)
                {
                    using var movedGradient = gradient.to(wantedType, wantedDevice);
                    tensor.grad = movedGradient;
                }
            }

            private static string Listed(List<string> keys) => keys.Count switch
            {
                0 => "none",
                <= 5 => string.Join(", ", keys),
                _ => $"{string.Join(", ", keys.Take(5))} and {keys.Count - 5} more",
            };
        }
    }
}
