using Labeling.Web.Security;

namespace Labeling.Web.Tests.Security;

public sealed class LocalPathTests
{
    [Theory]
    [InlineData("/runs?kind=ppo", "/runs?kind=ppo")]
    [InlineData("/", "/")]
    [InlineData(null, "/")]
    [InlineData("", "/")]
    [InlineData("runs", "/")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("/\t/evil.example", "/")]
    [InlineData("https://evil.example", "/")]
    [InlineData("javascript:alert(1)", "/")]
    public void OrHome_AnyAddress_StaysOnThisSite(string? path, string expected) => Assert.Equal(expected, LocalPath.OrHome(path));
}
