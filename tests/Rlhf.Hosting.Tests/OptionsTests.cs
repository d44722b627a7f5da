using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Hosting.Messaging;

namespace Rlhf.Hosting.Tests;

public sealed class OptionsTests
{
    [Theory]
    [InlineData("Database:Provider", "mysql", "Database:Provider is 'mysql'; legal values: sqlite, postgres.")]
    [InlineData("Database:Provider", "postgres", "Database:ConnectionString is missing")]
    [InlineData("Database:ConectionString", "Data Source=x", "'ConectionString'")]
    [InlineData("Storage:DataDirectory", "", "Storage:DataDirectory is empty")]
    [InlineData("Storage:DataDir", "x", "'DataDir'")]
    [InlineData("Messaging:Transport", "kafka", "Messaging:Transport is 'kafka'; legal values: inmemory, rabbitmq.")]
    [InlineData("Messaging:Transport", "rabbitmq", "Messaging:RabbitMq:Host is missing")]
    [InlineData("Messaging:Tranport", "rabbitmq", "'Tranport'")]
    [InlineData("Messaging:RabbitMq:Hostname", "x", "'Hostname'")]
    [InlineData("Messaging:MaxAttempts", "0", "Messaging:MaxAttempts must lie between 1 and 100.")]
    [InlineData("Messaging:Unconsumed:0", "training.run-progresed", "Messaging:Unconsumed has 'training.run-progresed'; legal values: labeling.demonstration-recorded, ")]
    [InlineData("Messaging:PollInterval", "01:00:00", "Messaging:PollInterval must lie between 10 ms and 1 minute.")]
    public void Setting_ThatIsNotLegal_StopsTheRegistrationAndNamesItself(string key, string value, string message)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration);

        var exception = Assert.ThrowsAny<Exception>(() => services.AddRlhfMessaging(configuration, _ => { }));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RabbitMq_SeveralThingsMissing_AreAllNamed()
    {
        List<string> failures = [];

        new RabbitMqOptions { Port = 0 }.Validate(failures);

        Assert.Equal(["Host", "User", "Password", "Port"], failures.Select(f => f.Split(':')[2].Split(' ')[0]));
    }

    [Fact]
    public void Defaults_NothingConfigured_AreLegal()
    {
        var configuration = new ConfigurationBuilder().Build();

        Assert.Equal("inmemory", configuration.ReadRlhfOptions(MessagingOptions.Section, new MessagingOptions.Validator()).Transport);
        Assert.Equal("sqlite", configuration.ReadRlhfOptions(DatabaseOptions.Section, new DatabaseOptions.Validator()).Provider);
        Assert.Equal(Path.GetFullPath("data/checkpoints"), configuration.ReadRlhfOptions<StorageOptions>(StorageOptions.Section).CheckpointPath);
    }

    // 20 ms doubles: 20, 40, 80 …; 20 ms * 2^19 is about three hours and is capped at a minute.
    [Theory]
    [InlineData(1, 20)]
    [InlineData(2, 40)]
    [InlineData(3, 80)]
    [InlineData(20, 60_000)]
    public void DelayAfter_MoreFailures_DoublesUpToAMinute(int failures, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), new MessagingOptions { RetryDelay = TimeSpan.FromMilliseconds(20) }.DelayAfter(failures));
}
