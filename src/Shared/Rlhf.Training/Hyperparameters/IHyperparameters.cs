namespace Rlhf.Training.Hyperparameters;

/// <summary>The hyperparameters of an algorithm: a record whose JSON is stored with the run.</summary>
public interface IHyperparameters
{
    /// <summary>Every fault, as sentences that name the field and its legal values; empty when usable.</summary>
    IReadOnlyList<string> Validate();
}
