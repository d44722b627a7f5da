using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rlhf.Contracts.Tests;

/// <summary>One committed sample per message: what an older version of the program has written must stay readable, and nothing of it may get lost.</summary>
public sealed class MessageSampleTests
{
    private static readonly Type[] s_allowed = [typeof(Guid), typeof(Guid?), typeof(int), typeof(int?), typeof(long), typeof(long?), typeof(bool), typeof(string)];

    public static TheoryData<string> Names => [.. MessageTypes.All.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Sample_ReadAndWritten_IsUnchanged(string name)
    {
        var sample = ReadSample(name);

        var message = MessageJson.Deserialize(sample.ToJsonString(), MessageTypes.Find(name)!);

        Assert.True(JsonNode.DeepEquals(sample, JsonNode.Parse(MessageJson.Serialize(message))), MessageJson.Serialize(message));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Sample_OfEveryMessage_ShowsEveryProperty(string name)
    {
        var properties = MessageTypes.Find(name)!.GetProperties().Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name)).Order(StringComparer.Ordinal);

        Assert.Equal(properties, ReadSample(name).Select(p => p.Key).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_WithAnUnknownProperty_IsStillRead(string name)
    {
        var sample = ReadSample(name);
        sample["addedByANewerVersion"] = 1;

        Assert.NotNull(MessageJson.Deserialize(sample.ToJsonString(), MessageTypes.Find(name)!));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_WithoutItsRequiredProperties_IsRefusedAndNamesThem(string name)
    {
        var type = MessageTypes.Find(name)!;

        var exception = Assert.Throws<JsonException>(() => MessageJson.Deserialize("{}", type));

        Assert.Contains(JsonNamingPolicy.CamelCase.ConvertName(type.GetProperties()[0].Name), exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Message_Always_IsASealedRecordOfIdsNumbersAndShortStrings(string name)
    {
        var type = MessageTypes.Find(name)!;

        Assert.True(type.IsSealed);
        Assert.NotNull(type.GetMethod("<Clone>$"));
        Assert.All(type.GetProperties(), p => Assert.Contains(p.PropertyType, s_allowed));
    }

    [Fact]
    public void Samples_AndMessages_CorrespondOneToOne() =>
        Assert.Equal(
            MessageTypes.All.Keys.Order(StringComparer.Ordinal),
            Directory.GetFiles(SampleDirectory, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal));

    [Fact]
    public void EveryRecordOfTheAssembly_IsRegistered() =>
        Assert.Equal(
            typeof(MessageTypes).Assembly.GetExportedTypes().Where(t => t.GetMethod("<Clone>$", BindingFlags.Public | BindingFlags.Instance) is not null).OrderBy(t => t.FullName, StringComparer.Ordinal),
            MessageTypes.All.Values.OrderBy(t => t.FullName, StringComparer.Ordinal));

    [Fact]
    public void Commands_AreMessages() => Assert.All(MessageTypes.Commands, t => Assert.NotNull(MessageTypes.NameOf(t)));

    [Fact]
    public void NameOf_TypeThatIsNoMessage_NamesTheRegistry()
    {
        var exception = Assert.Throws<ArgumentException>(() => MessageTypes.NameOf(typeof(string)));

        Assert.Contains("System.String is not a message: add it to MessageTypes.", exception.Message, StringComparison.Ordinal);
        Assert.Contains("training.start-run", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_UnknownName_IsNull() => Assert.Null(MessageTypes.Find("training.start-the-engine"));

    private static string SampleDirectory => Path.Combine(AppContext.BaseDirectory, "Samples");

    private static JsonObject ReadSample(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(SampleDirectory, name + ".json")))!.AsObject();
}
