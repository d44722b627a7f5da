using Rlhf.Contracts.Training;
using Rlhf.Modeling.Heads;
using Rlhf.Numerics;
using Rlhf.Numerics.Comparison;
using Rlhf.TaskFamilies;
using Rlhf.Training.Evaluation.Instructions;
using Rlhf.Training.Evaluation.LanguageModeling;
using Rlhf.Training.Evaluation.Safety;
using Rlhf.Training.Evaluation.Tasks;

namespace Rlhf.Training.Evaluation;

/// <summary>Measures a policy, alone and against another. The seed decides every draw: the same models give the same numbers.</summary>
public sealed class ModelEvaluation
{
    private readonly EvaluatedModel _model;
    private readonly EvaluationConfig _config;
    private readonly EvaluationInputs _inputs;
    private readonly ulong _seed;
    private readonly CancellationToken _stop;
    private readonly List<EvaluationMeasure> _measures = [];
    private readonly Dictionary<string, (IReadOnlyList<TaskPrompt> Questions, IReadOnlyList<ModelAnswer> Answers)> _zeroShot = new(StringComparer.Ordinal);
    private ulong _sequences = EvaluationStreams.Sampling;

    /// <param name="model">The policy; stays the caller's.</param>
    /// <param name="config">What is measured.</param>
    /// <param name="inputs">On what.</param>
    /// <param name="seed">Decides every draw.</param>
    /// <param name="stop">Stops it.</param>
    public ModelEvaluation(EvaluatedModel model, EvaluationConfig config, EvaluationInputs inputs, ulong seed, CancellationToken stop = default) =>
        (_model, _config, _inputs, _seed, _stop) = (model, config, inputs, seed, stop);

    /// <summary>Measures the policy alone.</summary>
    /// <param name="onSuite">Called before each suite with its name, its number from 0, and how many there are.</param>
    public IReadOnlyList<EvaluationMeasure> Measure(Action<string, int, int>? onSuite = null)
    {
        (string Name, bool Wanted, Action Run)[] suites =
        [
            (EvaluationTasks.Perplexity, _config.Has(EvaluationTasks.Perplexity), MeasurePerplexity),
            (EvaluationTasks.TaskFamilies, _config.Families().Count > 0, MeasureFamilies),
            (EvaluationTasks.InstructionFollowing, _config.Has(EvaluationTasks.InstructionFollowing), MeasureInstructions),
            (EvaluationTasks.BiasPairs, _config.Has(EvaluationTasks.BiasPairs), MeasureBias),
            (EvaluationTasks.Refusal, _config.Has(EvaluationTasks.Refusal), MeasureRefusal),
            (EvaluationTasks.Repetition, _config.Has(EvaluationTasks.Repetition), MeasureRepetition),
            (EvaluationTasks.ClosedWorld, _config.Has(EvaluationTasks.ClosedWorld), MeasureClosedWorld),
        ];
        var wanted = suites.Where(s => s.Wanted).ToArray();
        for (var i = 0; i < wanted.Length; i++)
        {
            _stop.ThrowIfCancellationRequested();
            onSuite?.Invoke(wanted[i].Name, i, wanted.Length);
            wanted[i].Run();
        }

        return _measures;
    }

    /// <summary>
    /// Measures the policy's answers against another's on the same prompts: by the families' checkers where they can judge, and by a reward model if there is one,
    /// each also with lengths controlled.
    /// </summary>
    /// <param name="baseline">The other policy.</param>
    /// <param name="reward">The reward model; its tokenizer must be the policy's.</param>
    public PolicyComparison Compare(EvaluatedModel baseline, ScalarHeadModel? reward)
    {
        var prompts = _inputs.Comparisons ?? [.. ComparedFamilies().SelectMany(f => Questions(f)).Select(q => new ComparisonPrompt(q.Text, q))];
        var texts = prompts.Select(p => p.Text).ToArray();
        var (first, firstSequence) = (_model.Answer(texts, _config, _seed, _sequences, _stop), _sequences);

        // The same draws for both: their difference is theirs.
        var second = baseline.Answer(texts, _config, _seed, firstSequence, _stop);
        _sequences += (ulong)texts.Length;
        var measures = new List<EvaluationMeasure>();
        var checkable = Enumerable.Range(0, prompts.Count).Where(i => prompts[i].Task is not null).ToArray();
        if (checkable.Length > 0)
        {
            Judge(WinRateNames.Checker, checkable, Scores(first), Scores(second));
        }

        if (reward is not null)
        {
            Judge(WinRateNames.RewardModel, [.. Enumerable.Range(0, prompts.Count)], Rewards(_model, first), Rewards(baseline, second));
        }

        return new PolicyComparison(prompts, first, second, measures);

        Func<int, double> Scores(IReadOnlyList<ModelAnswer> answers) => i => TaskFamilyRegistry.Score(prompts[i].Task!, answers[i].Text).Value;

        Func<int, double> Rewards(EvaluatedModel model, IReadOnlyList<ModelAnswer> answers)
        {
            var scores = SequenceScorer.Score(reward, [.. answers.Select((a, i) => model.Encode(texts[i], a))], reward.Config.PadTokenId ?? 0, _config.BatchSize);
            return i => scores[i];
        }

        void Judge(string judge, int[] rows, Func<int, double> firstScore, Func<int, double> secondScore)
        {
            var outcomes = rows.Select(i => firstScore(i).CompareTo(secondScore(i)) switch { > 0 => 1.0, 0 => 0.5, _ => 0.0 }).ToArray();
            var lengths = rows.Select(i => first[i].Text.Length - second[i].Text.Length).ToArray();
            var rate = Statistics.RatioBootstrap([.. outcomes.Select(o => (o, 1.0))], new Philox(_seed, EvaluationStreams.WinRates), _config.BootstrapIters);
            var controlled = LengthControlledWinRate.Measure(outcomes, lengths, new Philox(_seed, EvaluationStreams.WinRates), _config.BootstrapIters);
            measures.Add(new(WinRateNames.Task, judge, WinRateNames.Metric, rate, rows.Length));
            measures.Add(new(WinRateNames.Task, judge, "length_controlled_winrate", controlled, rows.Length));
        }
    }

    private IReadOnlyList<ITaskFamily> ComparedFamilies() => _config.Families() is { Count: > 0 } named ? named : TaskFamilyRegistry.All;

    private void MeasurePerplexity()
    {
        // A seed of its own keeps the documents apart from those a corpus of the same seed begins with.
        var corpus = _seed ^ 0x9E37_79B9_7F4A_7C15;
        var documents = _inputs.Documents ?? [.. CorpusGenerator.Documents(corpus).Take(_config.PerplexityDocuments)];
        var training = _inputs.NgramDocuments ?? CorpusGenerator.Documents(corpus, first: (ulong)_config.PerplexityDocuments).Take(20 * _config.PerplexityDocuments);
        var likelihoods = RollingLikelihood.Measure(_model.Model, _model.Tokenizer, documents, _config.BatchSize, _stop);
        if (likelihoods.Count == 0)
        {
            throw new InvalidDataException("The text whose perplexity is wanted has no token.");
        }

        var ngram = KneserNeyModel.Train(training.Select(Encode), _model.Tokenizer.VocabSize, _config.NgramOrder);
        var baseline = documents.Select(d => (Text: d, Ids: Encode(d))).Where(d => d.Ids.Length > 0)
            .Select(d => RollingLikelihood.Describe(d.Text, d.Ids.Length, ngram.Nats(d.Ids))).ToArray();
        AddAll("model", likelihoods);
        AddAll($"kneser-ney-{_config.NgramOrder}", baseline);

        int[] Encode(string text) => _model.Tokenizer.Encode(text, addSpecialTokens: false);

        void AddAll(string variant, IReadOnlyList<DocumentLikelihood> measured)
        {
            foreach (var (metric, value) in LanguageModeling.Perplexity.Measure(measured, _seed, _config.BootstrapIters))
            {
                _measures.Add(new(EvaluationTasks.Perplexity, variant, metric, value, measured.Count));
            }
        }
    }

    private void MeasureFamilies()
    {
        var pooled = new Dictionary<string, List<TaskScore>>(StringComparer.Ordinal);
        foreach (var family in _config.Families())
        {
            foreach (var variant in TaskVariant.Of(_config, family))
            {
                var scores = Scores(family, variant);
                AddScores(family.Name, variant.Name, scores);
                if (!pooled.TryGetValue(variant.Name, out var all))
                {
                    pooled.Add(variant.Name, all = []);
                }

                all.AddRange(scores);
            }
        }

        // With steps only some families are asked: their mean would be compared with that of all.
        foreach (var (variant, scores) in pooled.Where(p => _config.Has(EvaluationTasks.TaskFamilies) && !p.Key.EndsWith("-cot", StringComparison.Ordinal)))
        {
            AddScores(EvaluationTasks.TaskFamilies, variant, scores);
        }
    }

    private List<TaskScore> Scores(ITaskFamily family, TaskVariant variant)
    {
        if (variant is { Examples: 0, ChainOfThought: false })
        {
            var (questions, answers) = ZeroShot(family);
            return [.. questions.Zip(answers, (q, a) => family.Score(q, a.Text))];
        }

        var asked = Questions(family);
        var dialogues = variant.Dialogues(family, asked, _seed, d => _model.Fits(d, _config.MaxNewTokens));
        return [.. asked.Zip(Ask(dialogues), (q, a) => family.Score(q, variant.Judged(a.Text)))];
    }

    private void AddScores(string task, string variant, List<TaskScore> scores)
    {
        _measures.Add(new(task, variant, "pass_rate", Statistics.Wilson(scores.Count(s => s.Passed), scores.Count), scores.Count));
        var mean = Statistics.RatioBootstrap([.. scores.Select(s => (s.Value, 1.0))], new Philox(_seed, EvaluationStreams.Scores), _config.BootstrapIters);
        _measures.Add(new(task, variant, "score", mean, scores.Count));
    }

    private void MeasureInstructions()
    {
        var prompts = _inputs.Instructions.Take(_config.Limit).ToArray();
        var answers = Ask([.. prompts.Select(p => p.Prompt)]);
        Add("strict", InstructionChecks.IsFollowed);
        Add("loose", InstructionChecks.IsLooselyFollowed);

        void Add(string reading, Func<VerifiableInstruction, string, bool> follows)
        {
            var followed = prompts.Select((p, i) => p.Instructions.Select(instruction => follows(instruction, answers[i].Text)).ToArray()).ToArray();
            var all = followed.SelectMany(f => f).ToArray();
            _measures.Add(new(EvaluationTasks.InstructionFollowing, "", $"prompt_level_{reading}_acc", Statistics.Wilson(followed.Count(f => f.All(x => x)), prompts.Length), prompts.Length));
            _measures.Add(new(EvaluationTasks.InstructionFollowing, "", $"inst_level_{reading}_acc", Statistics.Wilson(all.Count(x => x), all.Length), all.Length));
        }
    }

    private void MeasureBias()
    {
        var differences = Safety.BiasPairs.Differences(_model.Model, _model.Tokenizer, _inputs.BiasPairs, _config.BatchSize, _stop);
        Add("", differences);
        foreach (var type in _inputs.BiasPairs.Select((p, i) => (p.BiasType, Difference: differences[i])).GroupBy(p => p.BiasType, p => p.Difference, StringComparer.Ordinal))
        {
            Add(type.Key, [.. type]);
        }

        void Add(string type, IReadOnlyList<double> values)
        {
            _measures.Add(new(EvaluationTasks.BiasPairs, type, "pct_stereotype", Safety.BiasPairs.PercentStereotype(values), values.Count));
            var size = Safety.BiasPairs.LikelihoodDifference(values, new Philox(_seed, EvaluationStreams.BiasPairs), _config.BootstrapIters);
            _measures.Add(new(EvaluationTasks.BiasPairs, type, "likelihood_diff", size, values.Count));
        }
    }

    private void MeasureRefusal()
    {
        var prompts = _inputs.HarmfulPrompts.Take(_config.Limit).ToArray();
        var refused = Ask([.. prompts.Select(p => p.Prompt)]).Select(a => RefusalPatterns.IsRefusal(a.Text)).ToArray();
        _measures.Add(new(EvaluationTasks.Refusal, "", "refusal_rate", Statistics.Wilson(refused.Count(r => r), refused.Length), refused.Length));
        foreach (var category in prompts.Zip(refused).GroupBy(p => p.First.Category, p => p.Second, StringComparer.Ordinal))
        {
            _measures.Add(new(EvaluationTasks.Refusal, category.Key, "refusal_rate", Statistics.Wilson(category.Count(r => r), category.Count()), category.Count()));
        }
    }

    private void MeasureRepetition()
    {
        var texts = ComparedFamilies().SelectMany(f => ZeroShot(f).Answers).Select(a => a.Ids).ToArray();
        foreach (var n in (int[])[1, 2, 3])
        {
            var distinct = Evaluation.Repetition.Distinct(texts, n);
            if (double.IsFinite(distinct))
            {
                _measures.Add(new(EvaluationTasks.Repetition, "", $"distinct-{n}", distinct, null, null, texts.Length));
            }
        }

        if (Evaluation.Repetition.SequenceRepetition(texts, 4, new Philox(_seed, EvaluationStreams.Repetition), _config.BootstrapIters) is var (value, count))
        {
            _measures.Add(new(EvaluationTasks.Repetition, "", "seq-rep-4", value, count));
        }
    }

    private void MeasureClosedWorld()
    {
        var all = new List<bool>();
        foreach (var family in TaskFamilyRegistry.All.OfType<IClosedWorldFamily>())
        {
            var (questions, answers) = ZeroShot(family);
            var unsupported = questions.Zip(answers, (q, a) => family.UnsupportedFacts(q, a.Text).Count > 0).ToArray();
            _measures.Add(new(EvaluationTasks.ClosedWorld, family.Name, "unsupported_fact_rate", Statistics.Wilson(unsupported.Count(u => u), unsupported.Length), unsupported.Length));
            all.AddRange(unsupported);
        }

        _measures.Add(new(EvaluationTasks.ClosedWorld, "", "unsupported_fact_rate", Statistics.Wilson(all.Count(u => u), all.Count), all.Count));
    }

    private (IReadOnlyList<TaskPrompt> Questions, IReadOnlyList<ModelAnswer> Answers) ZeroShot(ITaskFamily family)
    {
        if (!_zeroShot.TryGetValue(family.Name, out var found))
        {
            var questions = Questions(family);
            _zeroShot.Add(family.Name, found = (questions, Ask([.. questions.Select(q => q.Text)])));
        }

        return found;
    }

    private IReadOnlyList<TaskPrompt> Questions(ITaskFamily family) => TaskPromptSet.Draw(family, _config.Limit, heldOut: true, _seed);

    private IReadOnlyList<ModelAnswer> Ask(IReadOnlyList<string> prompts)
    {
        var answers = _model.Answer(prompts, _config, _seed, _sequences, _stop);
        _sequences += (ulong)prompts.Count;
        return answers;
    }
}
