using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Rlhf.Hosting.Tests;

public sealed class SecretsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-secrets-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void File_NamedAsAKey_IsTheSettingWithoutItsLineEnd()
    {
        File.WriteAllText(Path.Combine(_directory, "Messaging__RabbitMq__Password"), "from a file\n");
        Assert.Equal("from a file", Build(("SecretsDirectory", _directory))["Messaging:RabbitMq:Password"]);
    }

    [Fact]
    public void File_BesideTheSameSettingInTheEnvironment_GivesWay()
    {
        File.WriteAllText(Path.Combine(_directory, "Database__ConnectionString"), "Data Source=file");
        Assert.Equal("Data Source=given", Build(("SecretsDirectory", _directory), ("Database:ConnectionString", "Data Source=given"))["Database:ConnectionString"]);
    }

    [Fact]
    public void Directory_NotThere_IsNoFault() =>
        Assert.Null(Build(("SecretsDirectory", Path.Combine(_directory, "none")))["Messaging:RabbitMq:Password"]);

    private static ConfigurationManager Build(params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value)));
        builder.AddRlhfDefaults();
        return builder.Configuration;
    }
}
