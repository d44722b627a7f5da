using Rlhf.Modeling.Transformer;
using Rlhf.Training.Memory;

namespace Rlhf.Training.Tests.Memory;

public sealed class MemoryPlanTests
{
    private static readonly RunShape Run = new()
    {
        Model = new TransformerConfig
        {
            VocabSize = 100, HiddenSize = 8, IntermediateSize = 16, NumHiddenLayers = 3, NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 4,
        },
        Parameters = 1000,
        Trainable = 600,
        Averaged = 600,
        Frozen = 2000,
        Rows = 2,
        Tokens = 10,
        SampledRows = 5,
    };

    [Fact]
    public void Plan_EveryItem_IsTheHandCalculation()
    {
        var items = MemoryPlanner.Plan(Run).Items.ToDictionary(i => i.Name, i => i.Bytes);

        Assert.Equal(4000, items["parameters"]);
        Assert.Equal(2400, items["gradients"]);
        Assert.Equal(4800, items["optimizer (AdamW)"]);
        Assert.Equal(2400, items["weight average (EMA)"]);
        Assert.Equal(8000, items["frozen models"]);

        // A block and token: 7·8 + 2·4 + 3·16 = 112 numbers of 4 bytes; 20 tokens, 3 blocks.
        Assert.Equal(112 * 4 * 20 * 3, items["activations"]);
        Assert.Equal(100 * 20 * 4, items["logits"]);

        // Keys and values of 4 in 3 blocks for 5 rows of 10 tokens.
        Assert.Equal(2 * 4 * 3 * 4 * 50, items["KV cache"]);
        Assert.Equal(items.Values.Sum(), MemoryPlanner.Plan(Run).Total);
    }

    [Fact]
    public void Plan_GradientCheckpointing_HoldsOneBlockAndTheBlocksInputs()
    {
        var items = MemoryPlanner.Plan(Run with { GradientCheckpointing = true }).Items.ToDictionary(i => i.Name, i => i.Bytes);

        Assert.Equal((112 * 4 * 20) + (3 * 8 * 4 * 20), items["activations"]);
    }

    [Fact]
    public void Require_LessThanTheSum_RefusesWithEveryItemAndTheSum()
    {
        var plan = new MemoryPlan([("parameters", 3L << 30), ("activations", 1L << 29)]);

        plan.Require(plan.Total);
        var message = Assert.Throws<MemoryPlanException>(() => plan.Require(plan.Total - 1)).Message;

        Assert.Contains("needs about 3.50 GiB", message, StringComparison.Ordinal);
        Assert.Contains("3.00 GiB", message, StringComparison.Ordinal);
        Assert.Contains("512.0 MiB", message, StringComparison.Ordinal);
        Assert.Contains("--no-memory-check", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Available_ThisMachine_IsSomething() => Assert.InRange(MemoryPlanner.Available(), 1L << 20, long.MaxValue);
}
