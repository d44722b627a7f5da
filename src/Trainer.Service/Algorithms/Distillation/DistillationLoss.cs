// N tokens, C tokens of one part, D width, V vocabulary.
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using TorchSharp;
using static TorchSharp.torch;

namespace Trainer.Service.Algorithms.Distillation;

/// <summary>The generalised Jensen–Shannon divergence between a teacher's and a student's next-token distributions (Agarwal et al. 2024, section 3).</summary>
internal static class DistillationLoss
{
    /// <summary>Bytes of one model's logits that are held at a time.</summary>
    private const long PartBytes = 32L << 20;

    /// <summary>
    /// β·KL(p ‖ m) + (1 − β)·KL(q ‖ m) with the teacher's p, the student's q and m = β·p + (1 − β)·q; β = 0 is KL(p ‖ q) and β = 1 is
    /// KL(q ‖ p), the limits of the divergence over β and over 1 − β.
    /// </summary>
    /// <param name="studentLogits_NV">[N, V].</param>
    /// <param name="teacherLogits_NV">[N, V].</param>
    /// <param name="beta">β in [0, 1].</param>
    /// <param name="temperature">Divides both logits.</param>
    /// <returns>[N], nats.</returns>
    public static Tensor Divergence(Tensor studentLogits_NV, Tensor teacherLogits_NV, double beta, double temperature)
    {
        var student_NV = (studentLogits_NV / temperature).log_softmax(-1);
        var teacher_NV = (teacherLogits_NV / temperature).log_softmax(-1);
        if (beta == 0)
        {
            return Kl(teacher_NV, student_NV);
        }

        if (beta == 1)
        {
            return Kl(student_NV, teacher_NV);
        }

        // log(β·p + (1 − β)·q) = a + log(1 + exp(b − a)) with a the larger of the two logarithms.
        var (a_NV, b_NV) = (teacher_NV + Math.Log(beta), student_NV + Math.Log(1 - beta));
        var mixture_NV = maximum(a_NV, b_NV) + (a_NV - b_NV).abs().neg().exp().log1p();
        return (beta * Kl(teacher_NV, mixture_NV)) + ((1 - beta) * Kl(student_NV, mixture_NV));
    }

    /// <summary>
    /// The divergence over completion tokens, with the student's gradients. Logits of both models exist for one part of the tokens at a
    /// time; of the rest only hidden states are held.
    /// </summary>
    /// <param name="student">The model that learns.</param>
    /// <param name="teacher">The model it learns from.</param>
    /// <param name="batch">Prompts and completions.</param>
    /// <param name="labelTokens">Completion tokens of the whole batch, by which the sum is divided.</param>
    /// <param name="config">β and temperature.</param>
    /// <param name="partTokens">Tokens whose logits are held at a time; null for 32 MiB of them.</param>
    /// <returns>The sum over the batch's tokens divided by <paramref name="labelTokens"/>.</returns>
    public static double Backward(
        CausalLanguageModel student, CausalLanguageModel teacher, PromptResponseBatch batch, double labelTokens, DistillationConfig config, long? partTokens = null)
    {
        var hidden_ND = student.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N);
        var cut_ND = hidden_ND.detach().requires_grad_(true);
        var loss = Parts(student, teacher, batch, cut_ND, config, partTokens, part_C => (part_C.sum() / labelTokens).backward()) / labelTokens;

        // d loss/d weights below the cut: the vector–Jacobian product with the gradient that the parts left there.
        (hidden_ND * cut_ND.grad!).sum().backward();
        return loss;
    }

    /// <summary>The sum of the divergence over completion tokens, without gradients.</summary>
    public static double Sum(CausalLanguageModel student, CausalLanguageModel teacher, PromptResponseBatch batch, DistillationConfig config)
    {
        using var noGrad = no_grad();
        return Parts(student, teacher, batch, student.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N), config, null, _ => { });
    }

    private static double Parts(
        CausalLanguageModel student,
        CausalLanguageModel teacher,
        PromptResponseBatch batch,
        Tensor hidden_ND,
        DistillationConfig config,
        long? partTokens,
        Action<Tensor> take)
    {
        Tensor teacherHidden_ND;
        using (no_grad())
        {
            teacherHidden_ND = teacher.Hidden(batch.InputIds_BL, places_N: batch.PredictorIndex_N);
        }

        double sum = 0;
        var most = partTokens ?? Math.Max(1, PartBytes / (student.Config.VocabSize * sizeof(float)));
        for (long start = 0; start < batch.ResponseTokens; start += most)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(most, batch.ResponseTokens - start);
            Tensor teacherLogits_CV;
            using (no_grad())
            {
                teacherLogits_CV = teacher.Logits(teacherHidden_ND.narrow(0, start, count)).to_type(ScalarType.Float32);
            }

            var divergence_C = Divergence(
                student.Logits(hidden_ND.narrow(0, start, count)).to_type(ScalarType.Float32), teacherLogits_CV, config.Beta, config.Temperature);
            sum += divergence_C.detach().sum().item<float>();
            take(divergence_C);
        }

        return sum;
    }

    private static Tensor Kl(Tensor logP_NV, Tensor logQ_NV) => (logP_NV.exp() * (logP_NV - logQ_NV)).sum(-1);
}
