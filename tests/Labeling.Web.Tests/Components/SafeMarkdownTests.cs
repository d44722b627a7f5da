using Labeling.Web.Components.Controls;

namespace Labeling.Web.Tests.Components;

public sealed class SafeMarkdownTests
{
    [Fact]
    public void ToHtml_OrdinaryMarkdown_IsFormatted()
    {
        Assert.Equal("<p>a <strong>b</strong> <code>c</code></p>\n", SafeMarkdown.ToHtml("a **b** `c`"));
        Assert.Equal("<p><a href=\"https://example.org/x\">x</a></p>\n", SafeMarkdown.ToHtml("[x](https://example.org/x)"));
    }

    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("a <img src=x onerror=alert(1)>")]
    [InlineData("<svg/onload=alert(1)>")]
    [InlineData("[x](javascript:alert(1))")]
    [InlineData("[x](JaVaScRiPt:alert(1))")]
    [InlineData("[x](data:text/html,<script>alert(1)</script>)")]
    [InlineData("<javascript:alert(1)>")]
    [InlineData("[x][y]\n\n[y]: javascript:alert(1)")]
    [InlineData("![x](https://tracker.example/pixel.png)")]
    [InlineData("[x](//evil.example)")]
    [InlineData("[x](https://example.org \"onmouseover=alert(1)\")")]
    public void ToHtml_Hostile_LoadsAndRunsNothing(string markdown)
    {
        var html = SafeMarkdown.ToHtml(markdown);
        Assert.DoesNotMatch("(?i)<(script|img|svg|iframe)", html);
        Assert.DoesNotMatch("(?i)(href|src)=\"(javascript|data|//)", html);
        Assert.DoesNotMatch("(?i)<[^>]* on[a-z]+=", html.Replace("title=\"onmouseover=alert(1)\"", "", StringComparison.Ordinal));
    }
}
