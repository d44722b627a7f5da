using System.Globalization;
using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Main memory.</summary>
    public static readonly Device CPU = new(DeviceType.CPU);

    /// <summary>Shapes without memory.</summary>
    public static readonly Device META = new(DeviceType.META);

    /// <summary>The current NVIDIA GPU.</summary>
    public static Device CUDA { get; } = new(DeviceType.CUDA);

    /// <summary>The device of that name: "cpu", "cuda" or "cuda:1".</summary>
    public static Device device(string description) => new(description);

    /// <summary>The device of that type and index.</summary>
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

    /// <summary>Where a tensor lies and where its operators run.</summary>
    public class Device
    {
        /// <summary>The device of that name: "cpu", "cuda" or "cuda:1".</summary>
        public Device(string description)
        {
            ArgumentException.ThrowIfNullOrEmpty(description);
            var parts = description.Split(':');
            type = parts[0].ToUpperInvariant() switch
            {
                "CPU" => DeviceType.CPU,
                "CUDA" => DeviceType.CUDA,
                "MPS" => DeviceType.MPS,
                "META" => DeviceType.META,
                _ => throw new ArgumentException($"'{description}' is no device; cpu, cuda, mps and meta are, with an index as in cuda:1."),
            };
            index = parts.Length == 2 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : -1;
        }

        /// <summary>The device of that type; index -1 is the current one of the type.</summary>
        public Device(DeviceType deviceType, int index = -1)
        {
            type = deviceType;
            this.index = index;
        }

        /// <summary>The kind of device.</summary>
        public DeviceType type { get; }

        /// <summary>Which one of its kind, or -1 for the current one.</summary>
        public int index { get; }

        /// <summary>The device of that name.</summary>
        public static implicit operator Device(string description) => new(description);

        /// <summary>The name libtorch gives it, "cuda:0" for example.</summary>
        public override string ToString()
        {
            var name = type.ToString().ToLowerInvariant();
            return index < 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}:{index}");
        }
    }

    /// <summary>NVIDIA GPUs.</summary>
    public static class cuda
    {
        /// <summary>Whether this libtorch can use at least one GPU.</summary>
        public static bool is_available() => device_count() > 0;

        /// <summary>The number of GPUs this libtorch can use.</summary>
        public static int device_count() => NativeMethods.rt_cuda_device_count();
    }
}
