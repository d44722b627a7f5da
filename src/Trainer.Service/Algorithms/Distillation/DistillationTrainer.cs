// B examples.
using Rlhf.Modeling.Generation;
using Rlhf.Modeling.Transformer;
using Rlhf.Numerics;
using Rlhf.Training.Batching;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Metrics;
using Rlhf.Training.Offline;
using TorchSharp;
using Trainer.Service.Algorithms.Sft;
using static TorchSharp.torch;
using Generator = Rlhf.Modeling.Generation.Generator;

namespace Trainer.Service.Algorithms.Distillation;

/// <summary>
/// A small student learns from a larger teacher: from the teacher's distributions over the next token (generalised knowledge distillation,
/// Agarwal et al. 2024), partly on completions of its own, or from the teacher's answers (Kim and Rush 2016).
/// </summary>
public sealed class DistillationTrainer : OfflineTrainer<DistillationConfig, SftExample>
{
    // Sequences are numbered from 0 by the position of their example in the run, the teacher's answers by their prompt's place.
    private const ulong TeacherStream = 1UL << 61;
    private const ulong ChoiceStream = 1UL << 62;

    private readonly CausalLanguageModel _student;
    private readonly CausalLanguageModel _teacher;
    private readonly IReadOnlyList<SftExample> _heldOut;
    private readonly int _pad;
    private IReadOnlyList<SftExample> _examples;
    private int _step;

    /// <summary>Checks the configuration and the data.</summary>
    /// <param name="config">The hyperparameters.</param>
    /// <param name="student">The model that learns; trained in place.</param>
    /// <param name="teacher">The model it learns from, with the same vocabulary; not changed.</param>
    /// <param name="training">Prompts with completions; those of sequence-level distillation, and of lmbda = 1, need no completion.</param>
    /// <param name="heldOut">Examples with completions for the evaluation at the end; may be empty.</param>
    /// <exception cref="HyperparametersException">If the configuration has faults, or the models do not fit each other.</exception>
    /// <exception cref="ArgumentException">If an example does not fit the models.</exception>
    public DistillationTrainer(
        DistillationConfig config,
        CausalLanguageModel student,
        CausalLanguageModel teacher,
        IReadOnlyList<SftExample> training,
        IReadOnlyList<SftExample>? heldOut = null)
        : base(config, student, training)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        (_student, _teacher, _examples, _heldOut) = (student, teacher, training, heldOut ?? []);
        var samples = config.SeqKd || config.Lmbda > 0;
        var faults = new List<string>();
        Require(student.Config.VocabSize == teacher.Config.VocabSize, $"the student's vocabulary has {student.Config.VocabSize} tokens, the teacher's {teacher.Config.VocabSize}; they must be the same.");
        Require(!samples || student.Config.EosTokenIds.Length > 0, "the student's configuration names no EOS token; a sampled completion could never end.");
        var positions = Math.Min(student.Config.MaxPositionEmbeddings, teacher.Config.MaxPositionEmbeddings);
        var longestPrompt = training.Max(e => e.Prompt.Length);
        Require(
            !samples || longestPrompt + config.MaxNewTokens <= positions,
            $"max_new_tokens is {config.MaxNewTokens}; with the longest prompt ({longestPrompt} tokens) that exceeds the models' {positions} positions.");
        if (faults.Count > 0)
        {
            throw new HyperparametersException(nameof(DistillationConfig), faults);
        }

        var needsCompletions = !config.SeqKd && config.Lmbda < 1;
        foreach (var (example, needsCompletion) in training.Select(e => (e, needsCompletions)).Concat(_heldOut.Select(e => (e, true))))
        {
            if (example.Prompt.Length == 0 || (example.Completion.Length == 0 && needsCompletion))
            {
                throw new ArgumentException($"An example has an empty {(example.Prompt.Length == 0 ? "prompt" : "completion")}.", nameof(training));
            }

            if (example.Prompt.Length + example.Completion.Length > positions)
            {
                throw new ArgumentException($"An example has {example.Prompt.Length + example.Completion.Length} tokens; the models have {positions} positions.", nameof(training));
            }
        }

        _student.Bf16 = MixedPrecision.Use(config.Bf16, _student);
        _student.GradientCheckpointing = config.GradientCheckpointing;
        _pad = student.Config.PadTokenId ?? 0;

        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }

    /// <inheritdoc/>
    protected override bool HasHeldOut => _heldOut.Count > 0;

    /// <inheritdoc/>
    protected override void Begin(TrainingState? state)
    {
        _step = state?.Step ?? 0;
        if (Config.SeqKd)
        {
            // Pure functions of seed and prompt: a resumed run makes them again.
            var (start, count) = Ranks.Block(Training.Count);
            var answers = Ranks.Gather(Sample(_teacher, [.. Enumerable.Range(start, count)], i => TeacherStream + (ulong)i));
            _examples = [.. Training.Zip(answers, (example, answer) => example with { Completion = answer })];
        }
    }

    /// <inheritdoc/>
    protected override long Backward(int[] batch, MetricSums sums)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(sums);
        var step = _step++;
        var parts = MicroBatches(batch).ToArray();
        var completions = batch.Distinct().ToDictionary(i => i, i => _examples[i].Completion);
        long tokens = batch.Sum(i => completions[i].Length);
        if (!Config.SeqKd && new Philox(Config.Seed, ChoiceStream + (ulong)step).NextDouble() < Config.Lmbda)
        {
            int[] mine = [.. parts.SelectMany(p => p)];
            var first = (ulong)step * (ulong)Config.BatchSize;
            foreach (var (i, sampled) in mine.Zip(Sample(_student, mine, i => first + (ulong)Array.IndexOf(batch, i))))
            {
                completions[i] = sampled;
            }

            tokens = (long)Ranks.Sum(mine.Sum(i => (double)completions[i].Length));
        }

        foreach (var part in parts)
        {
            using var scope = NewDisposeScope();
            SftExample[] rows = [.. part.Select(i => _examples[i] with { Completion = completions[i] })];
            double loss;
            if (Config.SeqKd)
            {
                var crossEntropy = SftLoss.Compute(_student, SftBatch.Padded(rows, _pad), (int)tokens);
                crossEntropy.backward();
                loss = crossEntropy.item<float>();
            }
            else
            {
                loss = DistillationLoss.Backward(_student, _teacher, Batch(rows), tokens, Config);
            }

            sums.Add(MetricNames.TrainLoss, loss * tokens, rows.Sum(r => (long)r.Completion.Length));
        }

        return tokens;
    }

    /// <inheritdoc/>
    protected override void Evaluate(IDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        double sum = 0;
        foreach (var examples in _heldOut.OrderBy(e => e.Prompt.Length + e.Completion.Length).Chunk(Config.BatchSize))
        {
            using var scope = NewDisposeScope();
            sum += Config.SeqKd
                ? SftLoss.Compute(_student, SftBatch.Padded(examples, _pad), labelTokens: 1).item<float>()
                : DistillationLoss.Sum(_student, _teacher, Batch(examples), Config);
        }

        metrics[MetricNames.EvaluationLoss] = sum / _heldOut.Sum(e => e.Completion.Length);
    }

    private int[][] Sample(CausalLanguageModel model, int[] examples, Func<int, ulong> sequence)
    {
        using var noGrad = no_grad();
        var sampling = new SamplingParameters { MaxNewTokens = Config.MaxNewTokens, Temperature = Config.Temperature };
        var requests = examples.Select(i => new GenerationRequest(Training[i].Prompt, sampling, Config.Seed, sequence(i))).ToArray();
        return [.. new Generator(model).Generate(requests).Select(s => s.Ids)];
    }

    private PromptResponseBatch Batch(SftExample[] rows) => PromptResponseBatch.Create([.. rows.Select(r => r.Prompt)], [.. rows.Select(r => r.Completion)], _pad);
}
