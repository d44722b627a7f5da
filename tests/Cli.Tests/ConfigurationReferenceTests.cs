namespace Rlhf.Cli.Tests;

public sealed class ConfigurationReferenceTests
{
    [Fact]
    public void CommittedPage_IsWhatTheProgramSays()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Rlhf.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("the tests do not lie in the repository");
        }

        var committed = File.ReadAllText(Path.Combine(directory.FullName, "docs", "configuration.md"));
        Assert.True(committed == ConfigurationReference.Create(), $"docs/configuration.md is out of date. Run: {ConfigurationReference.Command}");
    }

    // Type, default and range as the class has them; the meaning as its doc comment has it.
    [Theory]
    [InlineData("| `Messaging:MaxAttempts` | whole number | `5` | 1 to 100 | Deliveries to an endpoint that may fail before the message is set aside. |")]
    [InlineData("| `Messaging:RabbitMq:Port` | whole number | `5672` |")]
    [InlineData("| `Runs:PollInterval` | time | `00:00:00.5` |")]
    [InlineData("| `Storage:DataDirectory` | text | `data` | required |")]
    [InlineData("| `Messaging:Unconsumed` | list (`:0`, `:1`, …) | – | – | Message types that nobody listens to in this deployment")]
    [InlineData("## Telemetry")]
    [InlineData("## Site")]
    public void Page_HasTheSetting(string row) => Assert.Contains(row, ConfigurationReference.Create(), StringComparison.Ordinal);
}
