using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Modules
{
    /// <summary>A tensor that a module trains. It takes over the tensor it is made from, which becomes empty.</summary>
    public class Parameter : Tensor
    {
        /// <summary>A parameter that takes over <paramref name="data"/>, its dispose scope included.</summary>
        public Parameter(Tensor data, bool requires_grad = true)
            : base(Take(data, requires_grad, out var scope), register: false) => scope?.Attach(this);

        private static nint Take(Tensor data, bool requires_grad, out DisposeScope? scope)
        {
            scope = data.OwningDisposeScope;
            data.requires_grad_(requires_grad);
            scope?.Remove(data);
            return data.MoveHandle();
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>A parameter that takes over <paramref name="data"/>, which becomes empty.</summary>
            public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}
