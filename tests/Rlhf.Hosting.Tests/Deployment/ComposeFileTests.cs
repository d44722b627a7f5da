using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Rlhf.Hosting.Tests.Deployment;

/// <summary>What holds for every container of docker-compose.yml and every image of the Dockerfile.</summary>
public sealed partial class ComposeFileTests
{
    private static readonly Lazy<Dictionary<string, object>> s_compose = new(() => new DeserializerBuilder().Build()
        .Deserialize<Dictionary<string, object>>(new MergingParser(new Parser(new StringReader(File.ReadAllText(RepositoryFile("docker-compose.yml")))))));

    public static TheoryData<string> Services => [.. Section("services").Keys.Select(k => (string)k)];

    [Theory]
    [MemberData(nameof(Services))]
    public void Service_IsConfined(string name)
    {
        var service = (IDictionary<object, object>)Section("services")[name];
        Assert.Equal("true", service["read_only"]);
        Assert.Equal(["ALL"], Strings(service["cap_drop"]));
        Assert.Equal(["no-new-privileges:true"], Strings(service["security_opt"]));
        Assert.All(["mem_limit", "cpus", "pids_limit", "restart", "logging", "healthcheck", "networks"], key => Assert.True(service.ContainsKey(key), $"{name} has no {key}"));
        Assert.False(service.ContainsKey("privileged") || service.ContainsKey("cap_add") || service.ContainsKey("container_name"), $"{name} is privileged, or cannot be scaled");

        // Ours get their user from the image, which the Dockerfile's test looks at.
        Assert.True(service.ContainsKey("build") || service["user"] is not ("root" or "0"), $"{name} runs as root");
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Service_HasAHealthCheck_UnlessItEndsByItself(string name)
    {
        var service = (IDictionary<object, object>)Section("services")[name];
        var check = (IDictionary<object, object>)service["healthcheck"];
        Assert.True(check.ContainsKey("test") || (service["restart"] is "on-failure" && check["disable"] is "true"), $"{name} has no health check");
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Service_HasNoPasswordInItsSettings(string name)
    {
        var service = (IDictionary<object, object>)Section("services")[name];
        var settings = service.TryGetValue("environment", out var environment) ? (IDictionary<object, object>)environment : new Dictionary<object, object>();
        Assert.DoesNotContain(settings, s => Secret().IsMatch((string)s.Key) && !((string)s.Key).EndsWith("_FILE", StringComparison.Ordinal));
        Assert.True(service.ContainsKey("secrets"), $"{name} gets no secret");
    }

    [Fact]
    public void Port_OnlyTheSites_OnThisMachineUnlessToldOtherwise()
    {
        var published = Section("services").Where(s => ((IDictionary<object, object>)s.Value).ContainsKey("ports")).ToList();
        var (name, service) = Assert.Single(published);
        Assert.Equal("web", name);
        Assert.Equal(["${RLHF_BIND:-127.0.0.1:8080}:8080"], Strings(((IDictionary<object, object>)service)["ports"]));
    }

    [Fact]
    public void Secrets_AreFilesThatTheScriptMakes()
    {
        var script = File.ReadAllText(RepositoryFile("tools", "docker", "secrets.sh"));
        foreach (var secret in Section("secrets").Values.Cast<IDictionary<object, object>>())
        {
            var file = (string)secret["file"];
            Assert.StartsWith("./secrets/", file, StringComparison.Ordinal);
            Assert.Contains($"write {Path.GetFileName(file)} ", script, StringComparison.Ordinal);
        }
    }

    // The file is read by docker-compose 1.29 (Debian's) and by Docker's own compose, and needs no BuildKit.
    [Fact]
    public void Files_UseNothingThatOneOfTheToolsRefuses()
    {
        Assert.DoesNotContain("name", s_compose.Value.Keys);
        Assert.DoesNotContain("version", s_compose.Value.Keys);
        var compose = File.ReadAllText(RepositoryFile("docker-compose.yml"));
        Assert.All(["develop:", "start_interval:", "required: false"], key => Assert.DoesNotContain(key, compose, StringComparison.Ordinal));
        var dockerfile = File.ReadAllText(RepositoryFile("Dockerfile"));
        Assert.All(["# syntax", "<<", "--link", "--mount"], key => Assert.DoesNotContain(key, dockerfile, StringComparison.Ordinal));
    }

    [Fact]
    public void Image_EveryTargetOfTheComposeFile_HasAUserOfItsOwn()
    {
        var stages = Stage().Split(File.ReadAllText(RepositoryFile("Dockerfile")))[1..];
        var users = stages.Chunk(2).ToDictionary(s => s[0], s => s[1].Contains("\nUSER 1654\n", StringComparison.Ordinal) && s[1].Contains("\nENTRYPOINT [", StringComparison.Ordinal));
        var targets = Section("services").Values.Cast<IDictionary<object, object>>().Where(s => s.ContainsKey("build"))
            .Select(s => (string)((IDictionary<object, object>)s["build"])["target"]);
        Assert.All(targets, target => Assert.True(users[target], $"stage {target} has no user or no entry point"));
    }

    private static IDictionary<object, object> Section(string name) => (IDictionary<object, object>)s_compose.Value[name];

    private static IEnumerable<string> Strings(object list) => ((IEnumerable<object>)list).Cast<string>();

    private static string RepositoryFile(params string[] path)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Rlhf.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException("the tests do not lie in the repository");
        }

        return Path.Combine([directory.FullName, .. path]);
    }

    [GeneratedRegex("password|secret|token|connectionstring", RegexOptions.IgnoreCase)]
    private static partial Regex Secret();

    [GeneratedRegex(@"^FROM \S+ AS (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Stage();
}
