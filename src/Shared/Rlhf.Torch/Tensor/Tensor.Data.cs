using TorchSharp.Native;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The elements, in row-major order, as values of T, which must be the type that <see cref="dtype"/> names.</summary>
        public TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            CheckType<T>();
            return new TensorAccessor<T>(this);
        }

        /// <summary>
        /// The memory of a contiguous tensor on the CPU. The span does not keep the tensor alive: hold the tensor while using it.
        /// </summary>
        public unsafe Span<byte> bytes
        {
            get
            {
                if (!is_contiguous())
                {
                    throw new NotSupportedException("Bytes() called on non-contiguous tensor.");
                }

                var length = checked((int)(numel() * element_size()));
                return length == 0 ? [] : new Span<byte>((void*)DataPointer(), length);
            }

            set
            {
                var target = bytes;
                if (value.Length != target.Length)
                {
                    throw new ArgumentException($"The tensor has {target.Length} bytes, {value.Length} were given.");
                }

                value.CopyTo(target);
                GC.KeepAlive(this);
            }
        }

        /// <summary>The only element, as a T, which must be the type that <see cref="dtype"/> names.</summary>
        public unsafe T item<T>()
            where T : unmanaged
        {
            if (numel() != 1)
            {
                throw new ArgumentException($"item<T>() takes a tensor with one element, this one has {numel()}: {this}.");
            }

            CheckType<T>();
            if (device_type != DeviceType.CPU)
            {
                using var local = cpu();
                return local.item<T>();
            }

            var value = *(T*)DataPointer();
            GC.KeepAlive(this);
            return value;
        }

        /// <summary>The only element, as a scalar.</summary>
        public Scalar ToScalar() => Aten.CallScalar("item", this);

        internal nint DataPointer()
        {
            if (device_type != DeviceType.CPU)
            {
                throw new InvalidOperationException("Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
            }

            Aten.Check(NativeMethods.rt_data_ptr(Handle, out var pointer));
            GC.KeepAlive(this);
            return pointer;
        }

        private void CheckType<T>()
            where T : unmanaged
        {
            var type = dtype;
            var fits = type switch
            {
                ScalarType.Byte => typeof(T) == typeof(byte),
                ScalarType.Int8 => typeof(T) == typeof(sbyte),
                ScalarType.Int16 => typeof(T) == typeof(short),
                ScalarType.Int32 => typeof(T) == typeof(int),
                ScalarType.Int64 => typeof(T) == typeof(long),
                ScalarType.Float16 => typeof(T) == typeof(Half),
                ScalarType.Float32 => typeof(T) == typeof(float),
                ScalarType.Float64 => typeof(T) == typeof(double),
                ScalarType.Bool => typeof(T) == typeof(bool),
                ScalarType.BFloat16 => typeof(T) == typeof(ushort) || typeof(T).Name == "BFloat16",
                _ => false,
            };
            if (!fits)
            {
                throw new ArgumentException($"{typeof(T).Name} is not compatible with {type}: read it as that type, or convert the tensor with to_type first.");
            }
        }
    }
}
