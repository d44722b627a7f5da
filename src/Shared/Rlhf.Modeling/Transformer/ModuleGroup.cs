using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Modeling.Transformer;

/// <summary>A module that only has a name for those inside: "model" above "decoder", for example.</summary>
internal sealed class ModuleGroup() : nn.Module(nameof(ModuleGroup))
{
    /// <summary>Registers a module under a path of names.</summary>
    public static void Register(Action<string, nn.Module> register, IReadOnlyList<string> path, nn.Module module)
    {
        for (var i = path.Count - 1; i > 0; i--)
        {
            var group = new ModuleGroup();
            group.register_module(path[i], module);
            module = group;
        }

        register(path[0], module);
    }

    protected override void RegisterComponents()
    {
    }
}
