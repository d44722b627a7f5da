using Rlhf.Bench;
using Rlhf.Modeling.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace TrainingBench;

/// <summary>A step of language modelling at every place, as pretraining makes it.</summary>
internal sealed class LanguageModelStep(CausalLanguageModel model) : TrainingStep(model, 1e-4)
{
    public const int Batch = 4;
    public const int Length = 256;

    public override int Tokens => Batch * Length;

    public override long ActiveParameters => BenchModels.Parameters(model);

    protected override void SetBf16(bool on) => model.Bf16 = on;

    // Rows of Length + 1 tokens: the first Length are read, the last Length are to be told.
    protected override Func<Action, Tensor> NewBatch(Func<ulong> seed)
    {
        var ids_BT = tensor(BenchModels.Tokens(model.Config, Batch * (Length + 1), seed()).Select(id => (long)id).ToArray(), [Batch, Length + 1]);
        var inputs_BT = ids_BT.narrow(1, 0, Length).contiguous();
        var targets_N = ids_BT.narrow(1, 1, Length).reshape(-1);
        return bodyIsDone =>
        {
            var hidden_BTD = model.Hidden(inputs_BT);
            bodyIsDone();
            return model.Logprobs(hidden_BTD.view(Tokens, -1), targets_N).Logprobs_N.mean().neg();
        };
    }
}
