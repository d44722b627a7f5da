using System.Diagnostics;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Optimization;
using static TorchSharp.torch;

var config = new TransformerConfig { ModelType = "gpt2", VocabSize = 50257, HiddenSize = 768, IntermediateSize = 3072, NumHiddenLayers = int.Parse(args.Length > 0 ? args[0] : "12"), NumAttentionHeads = 12, NumKeyValueHeads = 12, HeadDim = 64, MaxPositionEmbeddings = 1024, TieWordEmbeddings = true, HiddenAct = "gelu_new" };
using var model = new CausalLanguageModel(config);
model.Initialize(new Philox(1));
using var optimizer = new AdamWOptimizer(model.named_parameters(), new AdamWSettings());
var ids = new long[1024]; var targets = new long[1024];
var r = new Philox(2);
for (var i = 0; i < 1024; i++) { ids[i] = r.Next(50257); targets[i] = r.Next(50257); }
for (var step = 0; step < 5; step++)
{
    using var scope = NewDisposeScope();
    var w = Stopwatch.StartNew();
    var hidden = model.Hidden(tensor(ids, [4, 256]));
    var a = w.Elapsed.TotalSeconds; 
    var (lp, _) = model.Logprobs(hidden.view(1024, -1), tensor(targets));
    var loss = lp.mean().neg();
    var b = w.Elapsed.TotalSeconds;
    optimizer.ZeroGrad();
    loss.backward();
    var c = w.Elapsed.TotalSeconds;
    using var norm = GradientClipping.ByNorm(optimizer.Parameters, 1.0);
    var d = w.Elapsed.TotalSeconds;
    optimizer.Step(1e-4);
    var e = w.Elapsed.TotalSeconds;
    Console.WriteLine($"{step}: loss {loss.item<float>():F4} body {a:F2} head {b - a:F2} backward {c - b:F2} clip {d - c:F2} adamw {e - d:F2} total {e:F2} s  {1024 / e:F0} tok/s");
}
