using System.Collections;
using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>Modules by number, under the names "0", "1", ...</summary>
    public class ModuleList<T> : nn.Module, IList<T>
        where T : nn.Module
    {
        private readonly List<T> list;
        private bool registered;

        /// <summary>A list of the modules.</summary>
        public ModuleList(params T[] modules)
            : base(nameof(ModuleList<T>)) => list = [.. modules ?? []];

        /// <summary>The module of that number.</summary>
        public T this[int index]
        {
            get => list[index];
            set => list[index] = value;
        }

        /// <summary>The number of modules.</summary>
        public int Count => list.Count;

        /// <summary>No.</summary>
        public bool IsReadOnly => false;

        /// <summary>Adds a module; has no effect on names once the list is part of a module.</summary>
        public void Add(T item) => list.Add(item);

        /// <summary>Adds modules.</summary>
        public void append(params T[] parameters) => list.AddRange(parameters);

        /// <summary>Adds modules.</summary>
        public void extend(IEnumerable<T> modules) => list.AddRange(modules);

        /// <inheritdoc/>
        public void Clear() => list.Clear();

        /// <inheritdoc/>
        public bool Contains(T item) => list.Contains(item);

        /// <inheritdoc/>
        public void CopyTo(T[] array, int arrayIndex) => list.CopyTo(array, arrayIndex);

        /// <inheritdoc/>
        public int IndexOf(T item) => list.IndexOf(item);

        /// <inheritdoc/>
        public void Insert(int index, T item) => list.Insert(index, item);

        /// <inheritdoc/>
        public bool Remove(T item) => list.Remove(item);

        /// <inheritdoc/>
        public void RemoveAt(int index) => list.RemoveAt(index);

        /// <inheritdoc/>
        public IEnumerator<T> GetEnumerator() => list.GetEnumerator();

        /// <inheritdoc/>
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
            if (registered)
            {
                return;
            }

            for (var i = 0; i < list.Count; i++)
            {
                register_module(i.ToString(CultureInfo.InvariantCulture), list[i]);
            }

            registered = true;
        }
    }

    /// <summary>Modules by name.</summary>
    public class ModuleDict<T> : nn.Module, IEnumerable<(string, T)>
        where T : nn.Module
    {
        private readonly List<(string Name, T Module)> list;
        private bool registered;

        /// <summary>A dictionary of the modules.</summary>
        internal ModuleDict(params (string, T)[] modules)
            : base(nameof(ModuleDict<T>)) => list = [.. modules ?? []];

        /// <summary>The module of that name.</summary>
        public T this[string key] => list.Find(item => item.Name == key).Module
            ?? throw new KeyNotFoundException($"There is no module '{key}'; there are {string.Join(", ", Keys)}.");

        /// <summary>The number of modules.</summary>
        public int Count => list.Count;

        /// <summary>The names, in the order they were added.</summary>
        public ICollection<string> Keys => [.. list.Select(item => item.Name)];

        /// <summary>The modules, in the order they were added.</summary>
        public ICollection<T> Values => [.. list.Select(item => item.Module)];

        /// <summary>Adds a module; has no effect on names once the dictionary is part of a module.</summary>
        public void Add(string key, T value)
        {
            if (ContainsKey(key))
            {
                throw new ArgumentException($"There is a module '{key}' already.");
            }

            list.Add((key, value));
        }

        /// <summary>Whether there is a module of that name.</summary>
        public bool ContainsKey(string key) => list.Exists(item => item.Name == key);

        /// <inheritdoc/>
        public IEnumerator<(string, T)> GetEnumerator() => list.GetEnumerator();

        /// <inheritdoc/>
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
            if (registered)
            {
                return;
            }

            foreach (var (key, module) in list)
            {
                register_module(key, module);
            }

            registered = true;
        }
    }

    /// <summary>Modules run one after another.</summary>
    public class Sequential : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor>[] steps;

        internal Sequential(IEnumerable<(string Name, nn.Module<Tensor, Tensor> Module)> modules)
            : base(nameof(Sequential))
        {
            var named = modules.ToArray();
            foreach (var (key, module) in named)
            {
                register_module(key, module);
            }

            steps = [.. named.Select(item => item.Module)];
        }

        /// <summary>The last module's result, each module's result being the next one's input.</summary>
        public override Tensor forward(Tensor tensor)
        {
            if (steps.Length == 0)
            {
                return tensor.alias();
            }

            using var scope = NewDisposeScope();
            var value = tensor;
            foreach (var step in steps)
            {
                value = step.forward(value);
            }

            return scope.MoveToOuter(value);
        }

        /// <inheritdoc/>
        protected override void RegisterComponents()
        {
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>A list of modules.</summary>
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

            /// <summary>A list of modules of one type.</summary>
            public static ModuleList<T> ModuleList<T>(params T[] modules)
                where T : Module => new(modules);

            /// <summary>A dictionary of modules.</summary>
            public static ModuleDict<Module> ModuleDict(params (string, Module)[] modules) => new(modules);

            /// <summary>A dictionary of modules of one type.</summary>
            public static ModuleDict<T> ModuleDict<T>(params (string, T)[] modules)
                where T : Module => new(modules);

            /// <summary>Modules run one after another, named "0", "1", ...</summary>
            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) =>
                new(modules.Select((module, i) => (i.ToString(System.Globalization.CultureInfo.InvariantCulture), module)));

            /// <summary>Modules run one after another.</summary>
            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);
        }
    }
}
