using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

/// <summary>One expression in Python, the same one on the facade, and what Python printed for it.</summary>
internal sealed record OperatorCase(string Python, Func<OperatorInputs, Tensor> Facade, ScalarType Type, long[] Shape, double[] Expected);
