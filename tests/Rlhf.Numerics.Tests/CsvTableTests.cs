namespace Rlhf.Numerics.Tests;

public sealed class CsvTableTests
{
    [Fact]
    public void Write_QuotesWhatNeedsIt() => Assert.Equal(
        "a,b\r\n\"x, \"\"y\"\"\",0.5\r\n'=1,\r\n-1,\r\n", CsvTable.Write(["a", "b"], [["x, \"y\"", 0.5], ["=1", null], [-1, null]]));
}
