using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

// The numbers were printed by python3-torch 1.13.1 for the expression on the left, with the inputs of OperatorInputs.Python.
internal static class ReductionCases
{
    public static IReadOnlyList<OperatorCase> All { get; } =
    [
        new("x.sum()", t => t.x.sum(), float32, [], [3.75]),
        new("x.mean()", t => t.x.mean(), float32, [], [0.625]),
        new("x.prod()", t => t.x.prod(), float32, [], [0.703125]),
        new("x.max()", t => t.x.max(), float32, [], [3]),
        new("x.min()", t => t.x.min(), float32, [], [-1.25]),
        new("x.argmax()", t => t.x.argmax(), int64, [], [3]),
        new("x.argmin()", t => t.x.argmin(), int64, [], [1]),
        new("x.var()", t => t.x.var(), float32, [], [2.6187501]),
        new("x.std()", t => t.x.std(), float32, [], [1.61825526]),
        new("x.median()", t => t.x.median(), float32, [], [0.25]),
        new("x.norm()", t => t.x.norm(), float32, [], [3.92905831]),
        new("a.sum()", t => t.a.sum(), int64, [], [3]),
        new("k.sum()", t => t.k.sum(), int64, [], [3]),
        new("k.sum(dtype=torch.float32)", t => t.k.sum(float32), float32, [], [3]),
        new("x.sum(0)", t => t.x.sum(0L), float32, [3], [3.5, -1, 1.25]),
        new("x.sum([0, 1], keepdim=True)", t => t.x.sum(new long[] { 0, 1 }, true), float32, [1, 1], [3.75]),
        new("w.sum((-1, 0))", t => t.w.sum([-1, 0]), float32, [3], [3.41637778, -3.18856668, 0.75199461]),
        new("x.mean([1])", t => t.x.mean([1]), float32, [2], [0.416666657, 0.833333313]),
        new("a.mean(1, dtype=torch.float32)", t => t.a.mean([1], type: float32), float32, [2], [2, -1]),
        new("x.var(unbiased=False)", t => t.x.var(false), float32, [], [2.18229175]),
        new("x.var(1, unbiased=True, keepdim=True)", t => t.x.var(1, true, true), float32, [2, 1], [2.64583325, 3.77083325]),
        new("w.std([0, 2], unbiased=False)", t => t.w.std(new long[] { 0, 2 }, false), float32, [3], [0.495540559, 0.539066255, 0.760226369]),
        new("x.max(1).values", t => t.x.max(1).values, float32, [2], [2, 3]),
        new("x.max(1).indices", t => t.x.max(1).indexes, int64, [2], [2, 0]),
        new("x.min(0, keepdim=True).values", t => t.x.min(0, true).values, float32, [1, 3], [0.5, -1.25, -0.75]),
        new("x.max(y)", t => t.x.max(t.y), float32, [2, 3], [1.5, 2, 2, 3, 4, 1]),
        new("x.min(y)", t => t.x.min(t.y), float32, [2, 3], [0.5, -1.25, 0.5, 0.25, 0.25, -0.75]),
        new("x.amax([0])", t => t.x.amax(0), float32, [3], [3, 0.25, 2]),
        new("x.argmax(1)", t => t.x.argmax(1), int64, [2], [2, 0]),
        new("x.argmax(1, keepdim=True)", t => argmax(t.x, 1, true), int64, [2, 1], [2, 0]),
        new("x.cumsum(1)", t => t.x.cumsum(1), float32, [2, 3], [0.5, -0.75, 1.25, 3, 3.25, 2.5]),
        new("k.cumsum(1)", t => t.k.cumsum(1), int64, [2, 3], [1, 1, 2, 0, 0, 1]),
        new("x.cumprod(0)", t => t.x.cumprod(0), float32, [2, 3], [0.5, -1.25, 2, 1.5, -0.3125, -1.5]),
        new("x.logsumexp(1)", t => t.x.logsumexp(1), float32, [2], [2.23262191, 3.08383155]),
        new("x.softmax(-1)", t => t.x.softmax(-1), float32, [2, 3], [0.176820189, 0.030726742, 0.79245311, 0.919586241, 0.0587871782, 0.0216265954]),
        new("x.log_softmax(-1)", t => t.x.log_softmax(-1), float32, [2, 3], [-1.73262203, -3.48262191, -0.232621983, -0.0838314742, -2.83383155, -3.83383155]),
        new("x.softmax(0, dtype=torch.float64)", t => t.x.softmax(0, float64), float64, [2, 3], [0.07585818, 0.182425524, 0.93991335, 0.92414182, 0.817574476, 0.0600866502]),
        new("x.topk(2, dim=1).values", t => t.x.topk(2, 1).values, float32, [2, 2], [2, 0.5, 3, 0.25]),
        new("x.topk(2, dim=1, largest=False).indices", t => t.x.topk(2, 1, false).indexes, int64, [2, 2], [1, 0, 2, 1]),
        new("x.sort(1, descending=True).values", t => t.x.sort(1, true).Values, float32, [2, 3], [2, 0.5, -1.25, 3, 0.25, -0.75]),
        new("x.sort(1).indices", t => t.x.sort(1).Indices, int64, [2, 3], [1, 0, 2, 2, 1, 0]),
        new("x.argsort(1)", t => t.x.argsort(1), int64, [2, 3], [1, 0, 2, 2, 1, 0]),
        new("x.norm(p=2, dim=1)", t => t.x.norm(1), float32, [2], [2.41091275, 3.10241842]),
        new("x.norm(p=1)", t => t.x.norm(1f), float32, [], [7.75]),
        new("(x > 0).count_nonzero()", t => (t.x > 0).count_nonzero(), int64, [], [4]),
        new("j.flatten().bincount(minlength=5)", t => t.j.flatten().bincount(null, minlength: 5), int64, [5], [2, 3, 1, 0, 0]),
        new("x.flatten().quantile(torch.tensor([0.1, 0.9]))", t => t.x.flatten().quantile(tensor(new[] { 0.1f, 0.9f })), float32, [2], [-1, 2.5]),
    ];
}
