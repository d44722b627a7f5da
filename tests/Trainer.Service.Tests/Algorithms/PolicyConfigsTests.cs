using Rlhf.Contracts.Training;
using Trainer.Service.Algorithms;

namespace Trainer.Service.Tests.Algorithms;

public sealed class PolicyConfigsTests
{
    public static TheoryData<string> Kinds => [.. RunKinds.PolicyAlgorithms];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Complete_WhatItWrote_IsReadBack(string kind)
    {
        var written = PolicyConfigs.Complete(kind, """{"learning_rate": 0.125}""", seed: 7);

        Assert.Contains("\"learning_rate\":0.125", written, StringComparison.Ordinal);
        Assert.Contains("\"seed\":7", written, StringComparison.Ordinal);
        Assert.Equal(written, PolicyConfigs.Complete(kind, written, seed: 7));
    }
}
