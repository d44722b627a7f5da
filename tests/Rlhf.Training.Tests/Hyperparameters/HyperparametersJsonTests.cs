using Rlhf.Training.Hyperparameters;

namespace Rlhf.Training.Tests.Hyperparameters;

public sealed class HyperparametersJsonTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("  ")]
    [InlineData("{}")]
    public void Read_NothingGiven_HasDefaults(string? json) => Assert.Equal(new Sample(), HyperparametersJson.Read<Sample>(json));

    [Theory]
    [InlineData("[1]", "must be an object")]
    [InlineData("{", "not JSON")]
    [InlineData("""{"step_count": null}""", "step_count is null; it must be a whole number.")]
    [InlineData("""{"step_count": 1.5}""", "step_count is 1.5; it must be a whole number.")]
    [InlineData("""{"step_count": 1, "step_count": 2}""", "step_count occurs twice.")]
    [InlineData("""{"step_count": -1}""", "step_count is -1; it must not be negative.")]
    [InlineData("""{"limit": "x"}""", "limit is \"x\"; it must be a number, or null.")]
    [InlineData("""{"shape": 1}""", "shape is 1; it must be one of \"round\", \"very_square\".")]
    [InlineData("""{"StepCount": 1}""", "StepCount is unknown; the keys are limit, shape, step_count.")]
    public void Read_Fault_IsNamed(string json, string fault)
    {
        var exception = Assert.Throws<HyperparametersException>(() => HyperparametersJson.Read<Sample>(json));

        Assert.Contains(fault, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Record_UsesSnakeCase() => Assert.Equal(
        """{"step_count":3,"limit":null,"shape":"very_square"}""",
        HyperparametersJson.Write(new Sample { StepCount = 3, Shape = Shape.VerySquare }));

    internal enum Shape
    {
        Round,
        VerySquare,
    }

    internal sealed record Sample : IHyperparameters
    {
        public int StepCount { get; init; } = 1;

        public double? Limit { get; init; }

        public Shape Shape { get; init; }

        public IReadOnlyList<string> Validate() => StepCount >= 0 ? [] : [$"step_count is {StepCount}; it must not be negative."];
    }
}
