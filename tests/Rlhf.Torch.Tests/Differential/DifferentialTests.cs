using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Rlhf.Torch.Tests.Differential;

/// <summary>
/// The same computations here and in Python's torch (reference.py), on the same numbers: values, gradients, optimizers, schedules,
/// losses, and three training steps of a small transformer.
/// </summary>
public sealed class DifferentialTests
{
    private const int Layers = 2;
    private const int Heads = 2;
    private const int Width = 8;

    private readonly Dictionary<string, Tensor> inputs = [];
    private readonly Dictionary<string, float[]> outputs = [];
    private ulong state = 20240229;

    [Fact]
    public void Computations_HereAndInPython_Agree()
    {
        Assert.SkipUnless(PythonTorch.IsInstalled, PythonTorch.Missing);
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        MakeInputs();
        TensorExchange.Write(folder["inputs"], inputs);
        PythonTorch.RunFile(Path.Combine(AppContext.BaseDirectory, "Differential", "reference.py"), folder["inputs"], folder["outputs"]);
        var expected = TensorExchange.Read(folder["outputs"]);

        Operators();
        Losses();
        Optimizers();
        Clipping();
        Transformer();

        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), outputs.Keys.Order(StringComparer.Ordinal));
        List<string> faults = [.. expected.Select(entry => Fault(entry.Key, entry.Value, outputs[entry.Key])).OfType<string>()];
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    // 1e-6 of the greatest magnitude in the tensor: float32 has 6e-8, and sums are not in the same order everywhere.
    private static string? Fault(string name, float[] expected, float[] actual)
    {
        if (expected.Length != actual.Length)
        {
            return $"{name}: {actual.Length} elements instead of {expected.Length}";
        }

        var bound = 1e-6f * Math.Max(1, expected.Select(Math.Abs).DefaultIfEmpty().Max());
        var worst = expected.Zip(actual, (e, a) => Math.Abs(e - a)).DefaultIfEmpty().Max();
        return worst <= bound ? null : FormattableString.Invariant($"{name}: differs by {worst}, {bound} allowed");
    }

    private void MakeInputs()
    {
        inputs["a"] = Uniform(5, 6);
        inputs["c"] = Uniform(5, 6);
        inputs["m"] = Uniform(4, 6);
        inputs["w"] = Uniform(6);
        inputs["b"] = Uniform(6);
        inputs["v"] = Uniform(4);
        inputs["soft"] = (Uniform(5, 6) * 0.45f) + 0.5f;
        inputs["mask"] = Uniform(5, 6);
        inputs["ids"] = Integers(4, 5, 3);
        inputs["targets"] = Integers(6, 5);
        inputs["tokens"] = Integers(11, 2, 7);
        inputs["t.wte"] = Uniform(11, Width);
        inputs["t.wpe"] = Uniform(6, Width);
        inputs["t.ln.w"] = Uniform(Width);
        inputs["t.ln.b"] = Uniform(Width);
        for (var i = 0; i < Layers; i++)
        {
            foreach (var (name, rows, columns) in new[] { ("qkv", 3 * Width, Width), ("out", Width, Width), ("up", 4 * Width, Width), ("down", Width, 4 * Width) })
            {
                inputs[$"t.{i}.{name}.w"] = Uniform(rows, columns) * 0.5f;
                inputs[$"t.{i}.{name}.b"] = Uniform(rows);
            }

            foreach (var name in new[] { "ln1", "ln2" })
            {
                inputs[$"t.{i}.{name}.w"] = Uniform(Width);
                inputs[$"t.{i}.{name}.b"] = Uniform(Width);
            }
        }
    }

    private void Operators()
    {
        var (ids, mask) = (inputs["ids"], inputs["mask"] > 0);
        Differentiate("softmax", x => x[0].softmax(-1), "a");
        Differentiate("log_softmax", x => x[0].log_softmax(-1), "a");
        Differentiate("logsumexp", x => x[0].logsumexp(1), "a");
        Differentiate("cumsum", x => x[0].cumsum(1), "a");
        Differentiate("layer_norm", x => functional.layer_norm(x[0], [6], x[1], x[2]), "a", "w", "b");
        Differentiate("gelu", x => functional.gelu(x[0]), "a");
        Differentiate("silu", x => functional.silu(x[0]), "a");
        Differentiate("tanh", x => x[0].tanh(), "a");
        Differentiate("logsigmoid", x => functional.logsigmoid(x[0]), "a");
        Differentiate("rms", x => x[0] * (x[0].square().mean([-1L], keepdim: true) + 1e-6).rsqrt() * x[1], "a", "w");
        Differentiate("linear", x => functional.linear(x[0], x[1], x[2]), "a", "m", "v");
        Differentiate("matmul", x => x[0].matmul(x[1].transpose(0, 1)), "a", "m");
        Differentiate("gather", x => x[0].gather(1, ids), "a");
        Differentiate("index_select", x => x[0].index_select(0, ids[0]), "a");
        Differentiate("embedding", x => x[0].index_select(0, ids.view(-1)).view(5, 3, 6), "m");
        Differentiate("where", x => where(mask, x[0], x[1]), "a", "c");
        Differentiate("masked_fill", x => x[0].masked_fill(mask, -2.0), "a");
        Differentiate("clamp", x => x[0].clamp(-0.5, 0.7), "a");
        Differentiate("minimum", x => minimum(x[0], x[1]), "a", "c");
        Differentiate("pow", x => (x[0].abs() + 0.1).pow(1.5), "a");
        Differentiate("exp_log", x => (x[0].exp() + 1).log(), "a");
        Differentiate("var", x => x[0].var(1L), "a");
        Differentiate("cat_split", x => cat([x[0].split(3, 1)[1], x[1].split([1, 5], 1)[1]], 1), "a", "c");
        Differentiate("stack_unbind", x => stack([.. x[0].unbind(1), .. x[1].unbind(1)], 1), "a", "c");
        Differentiate("tril", x => x[0].tril(), "a");
        Differentiate("topk", x => x[0].topk(2, 1).values, "a");
        Differentiate("expand", x => x[0].unsqueeze(0).expand(5, 6), "w");
        Differentiate("index", x => x[0][TensorIndex.Slice(1, 4), TensorIndex.Slice(step: 2)], "a");
    }

    private void Losses()
    {
        var (targets, soft) = (inputs["targets"], inputs["soft"]);
        foreach (var reduction in new[] { Reduction.Mean, Reduction.Sum, Reduction.None })
        {
            var suffix = reduction.ToString().ToLowerInvariant();
            Differentiate($"cross_entropy.{suffix}", x => functional.cross_entropy(x[0], targets, reduction: reduction), "a");
            Differentiate($"mse.{suffix}", x => functional.mse_loss(x[0], x[1], reduction), "a", "c");
            Differentiate($"smooth_l1.{suffix}", x => functional.smooth_l1_loss(x[0], x[1], reduction, 0.5), "a", "c");
            Differentiate($"bce.{suffix}", x => functional.binary_cross_entropy_with_logits(x[0], soft, reduction: reduction), "a");
            Differentiate($"kl_div.{suffix}", x => functional.kl_div(x[0].log_softmax(1), soft.log(), true, reduction), "a");
        }

        var ignoring = targets.clone();
        ignoring[2] = -100;
        Differentiate("cross_entropy.ignore", x => functional.cross_entropy(x[0], ignoring), "a");
        Differentiate("cross_entropy.weighted", x => functional.cross_entropy(x[0], targets, soft[0]), "a");
        Differentiate("cross_entropy.smoothed", x => functional.cross_entropy(x[0], targets, label_smoothing: 0.1), "a");
        Differentiate("nll", x => functional.nll_loss(x[0].log_softmax(1), targets), "a");
    }

    private void Optimizers()
    {
        Optimize("sgd", p => optim.SGD(p, 0.01));
        Optimize("sgd.momentum", p => optim.SGD(p, 0.01, 0.9, 0.1, 0.02));
        Optimize("sgd.nesterov", p => optim.SGD(p, 0.01, 0.9, nesterov: true));
        Optimize("sgd.maximize", p => optim.SGD(p, 0.001, 0.5, maximize: true));
        Optimize("adamw", p => optim.AdamW(p, 0.01));
        Optimize("adamw.decay", p => optim.AdamW(p, 0.01, 0.8, 0.95, 1e-6, 0.1));
        Optimize("adamw.amsgrad", p => optim.AdamW(p, 0.01, weight_decay: 0.1, amsgrad: true));
        Optimize("adamw.maximize", p => optim.AdamW(p, 0.001, weight_decay: 0.1, maximize: true));
        Optimize("lambda", p => optim.SGD(p, 0.01), o => optim.lr_scheduler.LambdaLR(o, epoch => Math.Pow(0.9, epoch)));
        Optimize("linear", p => optim.SGD(p, 0.01), o => optim.lr_scheduler.LinearLR(o, 0.25, 1.0, 6));
        Optimize("cosine", p => optim.AdamW(p, 0.01), o => optim.lr_scheduler.CosineAnnealingLR(o, 8, 0.001));
    }

    private void Clipping()
    {
        Clip("clip_norm", p => utils.clip_grad_norm_(p, 0.5));
        Clip("clip_norm.1", p => utils.clip_grad_norm_(p, 0.5, 1.0));
        Clip("clip_value", p =>
        {
            utils.clip_grad_value_(p, 0.1);
            return null;
        });
    }

    private void Transformer()
    {
        var weights = inputs.Where(entry => entry.Key.StartsWith("t.", StringComparison.Ordinal)).ToDictionary(entry => entry.Key, entry => Leaf(entry.Key));
        var tokens = inputs["tokens"];
        using var optimizer = optim.AdamW(weights.Values, 0.01, weight_decay: 0.1);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            var logits = Forward(weights, tokens.narrow(1, 0, 6));
            var loss = functional.cross_entropy(logits.view(-1, 11), tokens.narrow(1, 1, 6).reshape(-1));
            loss.backward();
            var norm = utils.clip_grad_norm_(weights.Values, 1.0);
            if (step == 0)
            {
                Report("transformer.logits", logits);
                foreach (var (name, weight) in weights)
                {
                    Report($"transformer.grad.{name}", weight.grad!);
                }
            }

            Report($"transformer.loss.{step}", loss);
            outputs[$"transformer.norm.{step}"] = [(float)norm];
            optimizer.step();
        }
    }

    private static Tensor Forward(Dictionary<string, Parameter> weights, Tensor tokens)
    {
        var (batch, length) = (tokens.shape[0], tokens.shape[1]);
        var x = weights["t.wte"].index_select(0, tokens.reshape(-1)).view(batch, length, Width) + weights["t.wpe"].narrow(0, 0, length);
        var causal = ones(length, length).tril() == 0;
        for (var i = 0; i < Layers; i++)
        {
            Tensor W(string name) => weights[$"t.{i}.{name}"];
            Tensor Norm(string name) => functional.layer_norm(x, [Width], W($"{name}.w"), W($"{name}.b"));
            Tensor Linear(string name, Tensor input) => functional.linear(input, W($"{name}.w"), W($"{name}.b"));
            var parts = Linear("qkv", Norm("ln1")).chunk(3, -1).Select(part => part.view(batch, length, Heads, -1).transpose(1, 2)).ToArray();
            var scores = (parts[0].matmul(parts[1].transpose(-2, -1)) / Math.Sqrt(Width / Heads)).masked_fill(causal, -1e9).softmax(-1);
            x = x + Linear("out", scores.matmul(parts[2]).transpose(1, 2).reshape(batch, length, Width));
            x = x + Linear("down", functional.gelu(Linear("up", Norm("ln2"))));
        }

        return functional.linear(functional.layer_norm(x, [Width], weights["t.ln.w"], weights["t.ln.b"]), weights["t.wte"]);
    }

    private void Differentiate(string name, Func<Parameter[], Tensor> function, params string[] names)
    {
        Parameter[] leaves = [.. names.Select(Leaf)];
        var value = function(leaves);
        Report(name, value);
        if (value.dim() == 0)
        {
            value.backward();
        }
        else
        {
            (value * arange(value.numel(), dtype: float32).remainder(7).sub(3).view(value.shape)).sum().backward();
        }

        foreach (var (input, leaf) in names.Zip(leaves))
        {
            Report($"{name}.{input}", leaf.grad!);
        }
    }

    private void Optimize(string name, Func<IEnumerable<Parameter>, optim.Optimizer> create, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler>? schedule = null)
    {
        var (p, q) = (Leaf("m"), Leaf("w"));
        using var optimizer = create([p, q]);
        var scheduler = schedule?.Invoke(optimizer);
        var rates = new List<float>();
        for (var i = 0; i < 10; i++)
        {
            optimizer.zero_grad();
            ((p.matmul(q) - 1).square().sum() + (q * 3).sin().sum() + (p.square().sum() * 0.1)).backward();
            optimizer.step();
            rates.Add((float)optimizer.ParamGroups.First().LearningRate);
            scheduler?.step();
        }

        Report($"{name}.p", p);
        Report($"{name}.q", q);
        outputs[$"{name}.rates"] = [.. rates];
    }

    private void Clip(string name, Func<IEnumerable<Parameter>, double?> clip)
    {
        var (p, q) = (Leaf("m"), Leaf("w"));
        p.matmul(q).square().sum().backward();
        if (clip([p, q]) is { } norm)
        {
            outputs[$"{name}.norm"] = [(float)norm];
        }

        Report($"{name}.p", p.grad!);
        Report($"{name}.q", q.grad!);
    }

    private Parameter Leaf(string name) => Parameter(inputs[name].clone());

    private void Report(string name, Tensor tensor) => outputs[name] = tensor.detach().contiguous().data<float>().ToArray();

    private Tensor Uniform(params int[] shape) => tensor(Draw(shape).Select(bits => (bits / (float)(1 << 23)) - 1).ToArray()).view([.. shape.Select(size => (long)size)]);

    private Tensor Integers(int below, params int[] shape) => tensor(Draw(shape).Select(bits => (long)(bits % below)).ToArray()).view([.. shape.Select(size => (long)size)]);

    // 24 bits of a linear congruential generator (Knuth's MMIX constants): the numbers need only be fixed and spread.
    private int[] Draw(int[] shape) => [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => (int)((state = (state * 6364136223846793005) + 1442695040888963407) >> 40))];
}
