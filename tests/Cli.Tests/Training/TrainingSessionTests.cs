using Rlhf.Cli.Training;
using Rlhf.Modeling.Transformer;
using Rlhf.Training.Memory;
using Rlhf.Training.Metrics;
using Trainer.Service.Algorithms.Sft;

namespace Cli.Tests.Training;

public sealed class TrainingSessionTests
{
    private static readonly RunShape Shape = new()
    {
        Model = new TransformerConfig { VocabSize = 100, HiddenSize = 8, IntermediateSize = 16, NumHiddenLayers = 3, NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 4 },
        Parameters = 1000, Trainable = 1000, Averaged = 1000, Rows = 1, Tokens = 10,
    };

    [Fact]
    public void Plan_MoreThanThereIs_IsRefusedWithTheSumUnlessToldOtherwise()
    {
        // Weights, gradients and two moments of 1,000 parameters; 4 rows of 10 tokens in 3 blocks (112 numbers each) and 100 logits.
        const long Needed = (4 * 4000) + (112 * 4 * 40 * 3) + (100 * 40 * 4);
        Session(Needed, checks: true).Plan(Shape);

        Assert.Contains("needs about 0.1 MiB", Assert.Throws<MemoryPlanException>(() => Session(Needed - 1, checks: true).Plan(Shape)).Message, StringComparison.Ordinal);
        Session(1, checks: false).Plan(Shape);
    }

    [Fact]
    public void Describe_Reports_CountsTokensAndTheTimeLeft()
    {
        var clock = new ManualTime();
        var meter = new TrainingMeter(clock);

        Assert.Equal("step 10/100  train/loss 2.5", meter.Describe(Report(10, 1000)));
        clock.Now += TimeSpan.FromSeconds(5);

        // 600 tokens in 5 seconds; 10 steps in 5 seconds leave 80 steps 40 seconds.
        Assert.Equal("step 20/100  120 tok/s  ETA 00:00:40  train/loss 2.5", meter.Describe(Report(20, 1600)));

        static TrainingProgress Report(int step, double tokens) =>
            new(step, 100, new Dictionary<string, double> { [MetricNames.TrainTokens] = tokens, [MetricNames.TrainLoss] = 2.5, [MetricNames.TrainEpoch] = 1 });
    }

    [Fact]
    public void Describe_SampledResponses_AreTheTokens()
    {
        var clock = new ManualTime();
        var meter = new TrainingMeter(clock);

        meter.Describe(Report(1, 8));
        clock.Now += TimeSpan.FromSeconds(2);

        // 8 responses of 10 tokens in 2 seconds.
        Assert.Contains("40 tok/s", meter.Describe(Report(2, 16)), StringComparison.Ordinal);

        static TrainingProgress Report(int step, double episodes) =>
            new(step, 9, new Dictionary<string, double> { [MetricNames.ResponseLength] = 10, [MetricNames.Episode] = episodes });
    }

    private static TrainingSession Session(long available, bool checks) =>
        new("test", new SftConfig { BatchSize = 4 }, "out") { AvailableMemory = () => available, ChecksMemory = checks };

    private sealed class ManualTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
