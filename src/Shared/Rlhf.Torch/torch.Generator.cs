using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A source of libtorch's random numbers.</summary>
    public class Generator : IDisposable
    {
        private nint handle;

        /// <summary>A new generator on the CPU with the seed.</summary>
        public Generator(ulong seed = 0, Device? device = null)
        {
            this.device = device ?? CPU;
            if (this.device.type != DeviceType.CPU)
            {
                throw new NotSupportedException($"Generators are made on the CPU, not on {this.device}.");
            }

            Aten.Check(NativeMethods.rt_generator_new(seed, out handle));
        }

        private Generator(nint handle)
        {
            this.handle = handle;
            device = CPU;
        }

        /// <summary>Gives the native generator back if <see cref="Dispose()"/> was not called.</summary>
        ~Generator() => Dispose(false);

        /// <summary>The generator operators use unless they are given one.</summary>
        public static Generator Default
        {
            get
            {
                Aten.Check(NativeMethods.rt_generator_default(out var handle));
                return new(handle);
            }
        }

        /// <summary>The native generator.</summary>
        public nint Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Generator));

        /// <summary>Where the numbers are made.</summary>
        public Device device { get; }

        /// <summary>Starts again from the seed.</summary>
        public Generator manual_seed(long seed)
        {
            Aten.Check(NativeMethods.rt_generator_set_seed(Handle, (ulong)seed));
            GC.KeepAlive(this);
            return this;
        }

        /// <summary>The seed it started from.</summary>
        public long initial_seed()
        {
            var seed = (long)NativeMethods.rt_generator_seed(Handle);
            GC.KeepAlive(this);
            return seed;
        }

        /// <summary>The whole state, as bytes [n].</summary>
        public Tensor get_state()
        {
            Aten.Check(NativeMethods.rt_generator_get_state(Handle, out var state));
            GC.KeepAlive(this);
            return new Tensor(state);
        }

        /// <summary>Puts a state from <see cref="get_state"/> back.</summary>
        public void set_state(Tensor value)
        {
            Aten.Check(NativeMethods.rt_generator_set_state(Handle, value.Handle));
            GC.KeepAlive(this);
            GC.KeepAlive(value);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        /// <summary>Gives the native generator back.</summary>
        protected virtual void Dispose(bool disposing)
        {
            var owned = Interlocked.Exchange(ref handle, 0);
            if (owned != 0)
            {
                NativeMethods.rt_generator_free(owned);
            }
        }
    }
}
