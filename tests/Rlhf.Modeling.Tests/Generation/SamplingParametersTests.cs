using Rlhf.Modeling.Generation;

namespace Rlhf.Modeling.Tests.Generation;

public sealed class SamplingParametersTests
{
    [Fact]
    public void Validate_Defaults_AreLegal() => Assert.Empty(new SamplingParameters().Validate());

    [Fact]
    public void Validate_EveryFaultAtOnce()
    {
        var faults = new SamplingParameters
        {
            MaxNewTokens = 0,
            MinNewTokens = -1,
            Temperature = -1,
            TopK = -1,
            TopP = 1.5,
            MinP = -0.1,
            TypicalP = 0,
            EpsilonCutoff = 1,
            EtaCutoff = double.NaN,
            RepetitionPenalty = 0,
            PresencePenalty = double.NaN,
            FrequencyPenalty = double.PositiveInfinity,
            NoRepeatNgramSize = -2,
            StopStrings = ["."," "[..0]],
            LogitBias = new Dictionary<int, float> { [7] = float.NaN },
            NumReturnSequences = 0,
            NumBeams = 0,
            LengthPenalty = double.NaN,
            EarlyStopping = (EarlyStopping)7,
        }.Validate();
        Assert.Equal(19, faults.Count);
        Assert.Contains("TopP (1.5) must lie in (0, 1]", faults);
        Assert.Contains("LogitBias of id 7 (NaN) must be a number or −∞", faults);
    }

    [Fact]
    public void Validate_WhatDoesNotGoTogether_IsNamed()
    {
        Fault("Temperature (1) must be 0 with NumBeams above 1", new SamplingParameters { NumBeams = 2 });
        Fault("NumReturnSequences (3) must not exceed NumBeams (2)", new SamplingParameters { NumBeams = 2, Temperature = 0, NumReturnSequences = 3 });
        Fault("StopStrings ([.]) must be empty with NumBeams above 1", new SamplingParameters { NumBeams = 2, Temperature = 0, StopStrings = ["."] });
        Fault("NumReturnSequences (2) must be 1 with Temperature 0 and one beam", new SamplingParameters { Temperature = 0, NumReturnSequences = 2 });
        Fault("MinNewTokens (9) must lie in 0 … MaxNewTokens", new SamplingParameters { MaxNewTokens = 8, MinNewTokens = 9 });
        Fault("half a character", new SamplingParameters { StopStrings = ["\ud83d"] });
        Assert.Empty(new SamplingParameters { StopStrings = ["😀"], NumReturnSequences = 4 }.Validate());

        static void Fault(string expected, SamplingParameters parameters) => Assert.Contains(expected, Assert.Single(parameters.Validate()), StringComparison.Ordinal);
    }
}
