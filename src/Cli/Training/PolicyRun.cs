using System.CommandLine;
using Rlhf.Modeling.Adapters;
using Rlhf.Modeling.Chat;
using Rlhf.Modeling.Checkpoints;
using Rlhf.Modeling.Tokenization;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Batching;
using Rlhf.Training.Hyperparameters;
using Rlhf.Training.Memory;

namespace Rlhf.Cli.Training;

/// <summary>A policy that a command trains: loaded to the device, with an adapter if the flags ask for one, and written at the end.</summary>
internal sealed class PolicyRun : IDisposable
{
    private readonly TrainingSession _session;

    private PolicyRun(TrainingSession session, CausalLanguageModel policy, Tokenizer tokenizer, ChatTemplate? template, LoraAdapter? adapter)
    {
        (_session, Policy, Tokenizer, Template, Adapter) = (session, policy, tokenizer, template, adapter);
        Encoder = new DialogueEncoder(tokenizer, policy.Config.MaxPositionEmbeddings, template);
    }

    public CausalLanguageModel Policy { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>The directory's chat template; null if it has none.</summary>
    public ChatTemplate? Template { get; }

    public LoraAdapter? Adapter { get; }

    public DialogueEncoder Encoder { get; }

    /// <summary>Loads the policy of a model directory.</summary>
    public static PolicyRun Load(TrainingSession session, string directory, LoraOptions lora, ParseResult parse, ITrainingHyperparameters config)
    {
        var tokenizer = Tokenizer.Load(directory);
        var policy = PretrainedModel.LoadCausal(directory);
        try
        {
            return new PolicyRun(session, policy, tokenizer, DatasetOptions.Template(directory), lora.Attach(parse, policy, config.Seed));
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    /// <summary>What the run holds in memory as far as the policy goes.</summary>
    /// <param name="rows">Rows that an example has: 2 for a pair.</param>
    /// <param name="tokens">Tokens of the longest row.</param>
    public RunShape Shape(int rows, int tokens)
    {
        var parameters = MemoryPlanner.Count(Policy);
        var trainable = Adapter?.NamedParameters().Sum(p => p.Parameter.numel()) ?? parameters;
        return new RunShape { Model = Policy.Config, Parameters = parameters, Trainable = trainable, Averaged = trainable, Rows = rows, Tokens = tokens };
    }

    /// <summary>Writes the averaged policy: while the average is in it.</summary>
    public void SaveAverage() => TrainingRanks.OnRankZero(() => LoraOptions.SaveMerged(Adapter, () => PretrainedModel.Save(Policy, Tokenizer, _session.AverageOutput)));

    /// <summary>Writes the trained policy.</summary>
    public void Save()
    {
        Adapter?.MergeAndDetach();
        TrainingRanks.OnRankZero(() =>
        {
            PretrainedModel.Save(Policy, Tokenizer, _session.Output);
            _session.Written();
        });
    }

    /// <inheritdoc/>
    public void Dispose() => Policy.Dispose();
}
