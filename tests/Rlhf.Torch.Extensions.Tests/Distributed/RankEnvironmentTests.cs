using Rlhf.Torch.Extensions.Distributed;

namespace Rlhf.Torch.Extensions.Tests.Distributed;

public sealed class RankEnvironmentTests
{
    [Fact]
    public void Read_WhatTorchrunSets_IsTheRank() => Assert.Equal(
        new RankEnvironment(3, 4, 1, "10.0.0.1", 29500, TimeSpan.FromMinutes(30), "eth0"),
        Read(("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "10.0.0.1"), ("MASTER_PORT", "29500"), ("GLOO_SOCKET_IFNAME", "eth0")));

    [Fact]
    public void Read_OfAProcessAlone_IsNothing()
    {
        Assert.Null(Read());
        Assert.Null(Read(("WORLD_SIZE", "1"), ("RANK", "0")));
    }

    [Fact]
    public void Read_OfUnusableVariables_NamesThemAll()
    {
        var error = Assert.Throws<DistributedException>(() => Read(("WORLD_SIZE", "2"), ("RANK", "2"), ("MASTER_PORT", "x"), (RankEnvironment.TimeoutVariable, "0")));

        Assert.Contains("RANK is '2'; legal values are 0 to 1.", error.Message, StringComparison.Ordinal);
        Assert.Contains("MASTER_PORT is 'x'; legal values are 0 to 65535.", error.Message, StringComparison.Ordinal);
        Assert.Contains("MASTER_ADDR is not set", error.Message, StringComparison.Ordinal);
        Assert.Contains("RLHF_DISTRIBUTED_TIMEOUT is '0'; legal values are 1 to 604800.", error.Message, StringComparison.Ordinal);
    }

    private static RankEnvironment? Read(params (string Name, string Value)[] variables) =>
        RankEnvironment.Read(name => variables.FirstOrDefault(v => v.Name == name).Value);
}
