using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class FunctionalCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("F.linear(x, m.t(), torch.tensor([1.0, -1.0]))", t => functional.linear(t.x, t.m.t(), tensor(new[] { 1f, -1f })), float32, [2, 2], [8.125, -2.3125, 1.625, 5.8125]),
        new("F.linear(x, m.t())", t => functional.linear(t.x, t.m.t()), float32, [2, 2], [7.125, -1.3125, 0.625, 6.8125]),
        new("F.layer_norm(x, [3], v, -v, 1e-5)", t => functional.layer_norm(t.x, [3], t.v, -t.v), float32, [2, 3], [-0.468627304, -2.25490808, 0.384325266, 0.18326354, -1.3679111, -3.99723172]),
        new("F.cross_entropy(x, torch.tensor([2, 0]))", t => functional.cross_entropy(t.x, t.i), float32, [], [0.158226728]),
        new("F.cross_entropy(x, torch.tensor([2, -100]), reduction=\"sum\")", t => functional.cross_entropy(t.x, tensor(new long[] { 2, -100 }), reduction: Reduction.Sum), float32, [], [0.232621983]),
        new("F.cross_entropy(x, torch.tensor([2, 0]), label_smoothing=0.1, reduction=\"none\")", t => functional.cross_entropy(t.x, t.i, label_smoothing: 0.1, reduction: Reduction.None), float32, [2], [0.390955329, 0.300498158]),
        new("F.nll_loss(x.log_softmax(1), torch.tensor([2, 0]))", t => functional.nll_loss(t.x.log_softmax(1), t.i), float32, [], [0.158226728]),
        new("F.mse_loss(x, y)", t => functional.mse_loss(t.x, t.y), float32, [], [6.41666651]),
        new("F.mse_loss(x, y, reduction=\"none\")", t => functional.mse_loss(t.x, t.y, Reduction.None), float32, [2, 3], [1, 10.5625, 2.25, 7.5625, 14.0625, 3.0625]),
        new("F.smooth_l1_loss(x, y, beta=0.5)", t => functional.smooth_l1_loss(t.x, t.y, beta: 0.5), float32, [], [2.08333325]),
        new("F.l1_loss(x, y)", t => functional.l1_loss(t.x, t.y), float32, [], [2.33333325]),
        new("F.binary_cross_entropy_with_logits(x, k.float())", t => functional.binary_cross_entropy_with_logits(t.x, t.k.@float()), float32, [], [0.97738862]),
        new("F.binary_cross_entropy(x.sigmoid(), k.float())", t => functional.binary_cross_entropy(t.x.sigmoid(), t.k.@float()), float32, [], [0.97738868]),
        new("F.kl_div(x.log_softmax(1), y.log_softmax(1), log_target=True)", t => functional.kl_div(t.x.log_softmax(1), t.y.log_softmax(1)), float32, [], [0.680206597]),
        new("F.logsigmoid(x)", t => functional.logsigmoid(t.x), float32, [2, 3], [-0.474076986, -1.50192904, -0.126928017, -0.048587352, -0.575939417, -1.13687098]),
        new("F.softplus(x, beta=2)", t => functional.softplus(t.x, 2), float32, [2, 3], [0.656630814, 0.0394448675, 2.00907493, 3.00123787, 0.487038493, 0.100706644]),
        new("F.one_hot(i, 4)", t => functional.one_hot(t.i, 4), int64, [2, 4], [0, 0, 1, 0, 1, 0, 0, 0]),
        new("F.pad(x, (1, 2), value=5.0)", t => functional.pad(t.x, [1, 2], value: 5), float32, [2, 6], [5, 0.5, -1.25, 2, 5, 5, 5, 3, 0.25, -0.75, 5, 5]),
        new("F.pad(x.view(1, 2, 3), (2, 0), mode='reflect')", t => functional.pad(t.x.view(1, 2, 3), [2, 0], PaddingModes.Reflect), float32, [1, 2, 5], [2, -1.25, 0.5, -1.25, 2, -0.75, 0.25, 3, 0.25, -0.75]),
        new("F.dropout(x, 0.5, training=False)", t => functional.dropout(t.x, 0.5, false), float32, [2, 3], [0.5, -1.25, 2, 3, 0.25, -0.75]),
        new("F.embedding(j, m)", t => OperatorInputs.Embedding(t.m).forward(t.j), float32, [2, 3, 2], [1, 2, 3, -1, -0.5, 0.25, -0.5, 0.25, -0.5, 0.25, 1, 2]),
        new("(w @ w.transpose(1, 2) / 2).softmax(-1) @ w", t => functional.scaled_dot_product_attention(t.w, t.w, t.w), float32, [2, 3, 4], [0.106596038, 0.436537653, 0.365128636, -0.0419780463, -0.430501908, -0.505861402, -0.116134234, 0.380366206, 0.644197464, 0.363259971, -0.251657099, -0.635201812, -0.232800022, 0.268795133, 0.523261249, 0.296643436, -0.139991283, -0.411268234, -0.304427058, 0.0823029578, 0.524244189, 0.539962769, 0.0592421927, -0.475945443]),
        new("(w @ w.transpose(1, 2) / 2).masked_fill(torch.ones(3, 3).triu(1).bool(), float(\"-inf\")).softmax(-1) @ w", t => functional.scaled_dot_product_attention(t.w, t.w, t.w, is_casual: true), float32, [2, 3, 4], [0, 0.841470957, 0.909297407, 0.141120002, -0.617055774, -0.626473784, -0.0599146634, 0.56172967, 0.644197464, 0.363259971, -0.251657099, -0.635201812, -0.536572933, 0.420167029, 0.990607381, 0.650287867, -0.343507171, -0.652472079, -0.361557126, 0.261771768, 0.524244189, 0.539962769, 0.0592421927, -0.475945443]),
        new("(w @ w.transpose(1, 2) / 2).masked_fill(torch.tensor([False, True, False]), float(\"-inf\")).softmax(-1) @ w", t => functional.scaled_dot_product_attention(t.w, t.w, t.w, tensor(new[] { true, false, true }).expand(3, 3)), float32, [2, 3, 4], [0.281540602, 0.719290614, 0.495728135, -0.183604494, 0.411306828, 0.662975848, 0.305107892, -0.333274812, 0.788384259, 0.499335259, -0.248800248, -0.768189967, -0.221970722, 0.510561347, 0.773685694, 0.325486958, 0.135472745, 0.613265216, 0.527224481, -0.0435439944, 0.642739952, 0.759017766, 0.177458197, -0.567255676]),
    ];
}
