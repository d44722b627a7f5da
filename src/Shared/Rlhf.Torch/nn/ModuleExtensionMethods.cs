using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Moves and converts whole modules. Floating-point parameters and buffers are converted, integers keep their type.</summary>
public static class ModuleExtensionMethods
{
    /// <summary>Converts the module; returns it.</summary>
    public static T to<T>(this T module, ScalarType type, bool non_blocking = false)
        where T : nn.Module => Converted(module, type, null);

    /// <summary>Moves and converts the module; returns it.</summary>
    public static T to<T>(this T module, Device device, ScalarType type, bool non_blocking = false)
        where T : nn.Module => Converted(module, type, device);

    /// <summary>Moves the module; returns it.</summary>
    public static T to<T>(this T module, Device device, bool non_blocking = false)
        where T : nn.Module => Converted(module, null, device);

    /// <summary>Moves the module to main memory; returns it.</summary>
    public static T cpu<T>(this T module, bool non_blocking = false)
        where T : nn.Module => Converted(module, null, CPU);

    /// <summary>Converts the module to bfloat16; returns it.</summary>
    public static T bfloat16<T>(this T module, bool non_blocking = false)
        where T : nn.Module => Converted(module, ScalarType.BFloat16, null);

    /// <summary>Converts the module to half precision; returns it.</summary>
    public static T half<T>(this T module, bool non_blocking = false)
        where T : nn.Module => Converted(module, ScalarType.Float16, null);

    /// <summary>Converts the module to single precision; returns it.</summary>
    public static T @float<T>(this T module, bool non_blocking = false)
        where T : nn.Module => Converted(module, ScalarType.Float32, null);

    /// <summary>Converts the module to double precision; returns it.</summary>
    public static T @double<T>(this T module, bool non_blocking = false)
        where T : nn.Module => Converted(module, ScalarType.Float64, null);

    private static T Converted<T>(T module, ScalarType? type, Device? device)
        where T : nn.Module
    {
        module.ConvertTo(type, device);
        return module;
    }
}
