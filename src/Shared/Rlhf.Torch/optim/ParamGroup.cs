using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Parameters that share options.</summary>
public class ParamGroup : optim.ILearningRateController
{
    /// <summary>The parameters.</summary>
    public IEnumerable<Parameter> Parameters { get; set; } = [];

    /// <summary>The options; what is null in them follows the optimizer.</summary>
    public OptimizerOptions Options { get; set; } = new();

    /// <inheritdoc/>
    public double LearningRate
    {
        get => Options.LearningRate!.Value;
        set => Options.LearningRate = value;
    }

    /// <inheritdoc/>
    public double InitialLearningRate
    {
        get => Options.InitialLearningRate;
        set => Options.InitialLearningRate = value;
    }
}

/// <summary>Options every optimizer has.</summary>
public class OptimizerOptions
{
    /// <summary>The learning rate of the next step; null follows the optimizer.</summary>
    public double? LearningRate { get; set; }

    /// <summary>The learning rate a schedule starts from.</summary>
    public double InitialLearningRate { get; set; }

    /// <summary>Copies another's values.</summary>
    public virtual void LoadStateDict(OptimizerOptions source)
    {
        LearningRate = source.LearningRate;
        InitialLearningRate = source.InitialLearningRate;
    }
}

/// <summary>What an optimizer remembers about one parameter.</summary>
public abstract class OptimizerState
{
    private protected OptimizerState()
    {
    }

    /// <summary>Copies another's values.</summary>
    public abstract void LoadStateDict(OptimizerState source);
}
