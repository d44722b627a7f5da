using System.Globalization;
using TorchSharp.Native;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>An n-dimensional array with gradients. It holds native memory: dispose it, or make it inside a dispose scope.</summary>
    public partial class Tensor : IDisposable
    {
        private static long totalCount;

        private nint handle;

        internal Tensor(nint handle, bool register = true)
        {
            if (handle == 0)
            {
                // An operator without a result for this place, a gradient not asked for, for example.
                GC.SuppressFinalize(this);
                return;
            }

            this.handle = handle;
            Interlocked.Increment(ref totalCount);
            if (register)
            {
                DisposeScope.Register(this);
            }
        }

        /// <summary>Gives the native tensor back if <see cref="Dispose()"/> was not called.</summary>
        ~Tensor() => Release();

        /// <summary>The native tensor.</summary>
        /// <exception cref="ObjectDisposedException">It was disposed, or a parameter was made from it.</exception>
        public nint Handle => handle != 0 ? handle : throw Disposed();

        /// <summary>Whether it was disposed, or a parameter was made from it.</summary>
        public bool IsInvalid => handle == 0;

        /// <summary>Tensors that hold native memory now.</summary>
        public static long TotalCount => Interlocked.Read(ref totalCount);

        internal DisposeScope? OwningDisposeScope { get; set; }

        internal int ScopeSlot { get; set; }

        /// <summary>The name of the dimension or parameter it stands for, where one was given.</summary>
        public string? name { get; set; }

        /// <summary>The sizes of the dimensions.</summary>
        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[NativeMethods.rt_dim(Handle)];
                fixed (long* first = sizes)
                {
                    Aten.Check(NativeMethods.rt_sizes(handle, first));
                }

                GC.KeepAlive(this);
                return sizes;
            }
        }

        /// <summary>The number of dimensions.</summary>
        public long ndim => dim();

        /// <summary>The number of dimensions.</summary>
        public long Dimensions => dim();

        /// <summary>The number of elements.</summary>
        public long NumberOfElements => numel();

        /// <summary>The bytes of one element.</summary>
        public long ElementSize => element_size();

        /// <summary>The type of the elements.</summary>
        public ScalarType dtype
        {
            get
            {
                var type = (ScalarType)NativeMethods.rt_dtype(Handle);
                GC.KeepAlive(this);
                return type;
            }
        }

        /// <summary>Where it lies.</summary>
        public Device device
        {
            get
            {
                var type = (DeviceType)NativeMethods.rt_device(Handle, out var index);
                GC.KeepAlive(this);
                return type == DeviceType.CPU ? CPU : new Device(type, index);
            }
        }

        /// <summary>The kind of memory it lies in.</summary>
        public DeviceType device_type => device.type;

        /// <summary>The number of dimensions.</summary>
        public long dim()
        {
            var dimensions = NativeMethods.rt_dim(Handle);
            GC.KeepAlive(this);
            return dimensions;
        }

        /// <summary>The number of elements.</summary>
        public long numel()
        {
            var elements = NativeMethods.rt_numel(Handle);
            GC.KeepAlive(this);
            return elements;
        }

        /// <summary>The bytes of one element.</summary>
        public long element_size()
        {
            var bytes = NativeMethods.rt_element_size(Handle);
            GC.KeepAlive(this);
            return bytes;
        }

        /// <summary>The size of one dimension; negative ones count from the last.</summary>
        public long size(int dim)
        {
            var sizes = shape;
            var index = dim < 0 ? dim + sizes.Length : dim;
            return index >= 0 && index < sizes.Length
                ? sizes[index]
                : throw new ArgumentOutOfRangeException(nameof(dim), dim, $"The tensor has {sizes.Length} dimensions.");
        }

        /// <summary>The sizes of the dimensions.</summary>
        public long[] size() => shape;

        /// <summary>The elements to step over for the next one along each dimension.</summary>
        public unsafe long[] stride()
        {
            var strides = new long[NativeMethods.rt_dim(Handle)];
            fixed (long* first = strides)
            {
                Aten.Check(NativeMethods.rt_strides(handle, first));
            }

            GC.KeepAlive(this);
            return strides;
        }

        /// <summary>The elements to step over for the next one along a dimension.</summary>
        public long stride(int dim)
        {
            var strides = stride();
            return strides[dim < 0 ? dim + strides.Length : dim];
        }

        /// <summary>Whether the elements lie one after another in row-major order.</summary>
        public bool is_contiguous()
        {
            Aten.Check(NativeMethods.rt_is_contiguous(Handle, out var contiguous));
            GC.KeepAlive(this);
            return contiguous != 0;
        }

        /// <summary>Whether the elements are integers or truth values.</summary>
        public bool is_integral() => torch.is_integral(dtype);

        /// <summary>Whether the elements are real floating-point numbers.</summary>
        public bool is_floating_point() => torch.is_floating_point(dtype);

        /// <summary>Whether the elements are complex numbers.</summary>
        public bool is_complex() => torch.is_complex(dtype);

        /// <summary>Whether it lies in main memory.</summary>
        public bool is_cpu() => device_type == DeviceType.CPU;

        /// <summary>Whether it lies on an NVIDIA GPU.</summary>
        public bool is_cuda => device_type == DeviceType.CUDA;

        /// <summary>Gives it to the next outer dispose scope.</summary>
        public Tensor MoveToOuterDisposeScope()
        {
            OwningDisposeScope?.MoveToOuter(this);
            return this;
        }

        /// <summary>Takes it out of its dispose scope: from now on the caller disposes it.</summary>
        public Tensor DetachFromDisposeScope()
        {
            OwningDisposeScope?.Remove(this);
            return this;
        }

        /// <summary>Gives the native tensor back. Views and graphs that use the same memory keep theirs.</summary>
        public void Dispose()
        {
            OwningDisposeScope?.Remove(this);
            Release();
            GC.SuppressFinalize(this);
        }

        /// <summary>Type, shape and device on one line: "[2x3], type = Float32, device = cpu".</summary>
        public override string ToString() => IsInvalid
            ? "[disposed]"
            : string.Create(CultureInfo.InvariantCulture, $"[{string.Join('x', shape)}], type = {dtype}, device = {device}");

        /// <summary>Whether both are the same object.</summary>
        public override bool Equals(object? obj) => ReferenceEquals(this, obj);

        /// <inheritdoc/>
        public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

        /// <summary>Hands the native tensor over: this object is disposed, the tensor lives on under the returned handle.</summary>
        internal nint MoveHandle()
        {
            var moved = Handle;
            handle = 0;
            Interlocked.Decrement(ref totalCount);
            GC.SuppressFinalize(this);
            return moved;
        }

        internal static Tensor? OrNull(nint handle) => handle == 0 ? null : new Tensor(handle);

        private static ObjectDisposedException Disposed() => new(
            nameof(Tensor), "The tensor was disposed, by its scope perhaps, or a parameter was made from it.");

        private void Release()
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0)
            {
                NativeMethods.rt_release(owned);
                Interlocked.Decrement(ref totalCount);
            }
        }
    }
}
