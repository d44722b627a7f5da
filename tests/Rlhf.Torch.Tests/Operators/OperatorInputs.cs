using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

/// <summary>The tensors the expressions are written with; the same ones as in <see cref="Python"/>.</summary>
internal sealed class OperatorInputs
{
    public const string Python = """
        import torch
        import torch.nn.functional as F
        x = torch.tensor([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]])
        y = torch.tensor([[1.5, 2.0, 0.5], [0.25, 4.0, 1.0]])
        v = torch.tensor([0.5, 1.0, 2.0])
        m = torch.tensor([[1.0, 2.0], [-0.5, 0.25], [3.0, -1.0]])
        a = torch.tensor([[7, -3, 2], [5, 0, -8]])
        i = torch.tensor([2, 0])
        j = torch.tensor([[0, 2, 1], [1, 1, 0]])
        k = torch.tensor([[True, False, True], [False, False, True]])
        w = torch.arange(24.0).reshape(2, 3, 4).sin()
        """;

    public Tensor x { get; } = tensor(new[,] { { 0.5f, -1.25f, 2.0f }, { 3.0f, 0.25f, -0.75f } });

    public Tensor y { get; } = tensor(new[,] { { 1.5f, 2.0f, 0.5f }, { 0.25f, 4.0f, 1.0f } });

    public Tensor v { get; } = tensor(new[] { 0.5f, 1.0f, 2.0f });

    public Tensor m { get; } = tensor(new[,] { { 1.0f, 2.0f }, { -0.5f, 0.25f }, { 3.0f, -1.0f } });

    public Tensor a { get; } = tensor(new long[,] { { 7, -3, 2 }, { 5, 0, -8 } });

    public Tensor i { get; } = tensor(new long[] { 2, 0 });

    public Tensor j { get; } = tensor(new long[,] { { 0, 2, 1 }, { 1, 1, 0 } });

    public Tensor k { get; } = tensor(new[,] { { true, false, true }, { false, false, true } });

    public Tensor w { get; } = arange(24, dtype: float32).reshape(2, 3, 4).sin();

    public static Embedding Embedding(Tensor weight) => nn.Embedding_from_pretrained(weight.clone());
}
