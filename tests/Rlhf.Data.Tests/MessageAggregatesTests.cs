using System.Text.Json;
using Rlhf.Contracts;

namespace Rlhf.Data.Tests;

public sealed class MessageAggregatesTests
{
    public static TheoryData<string> Types => [.. MessageTypes.All.Keys];

    [Theory]
    [MemberData(nameof(Types))]
    public void Of_EveryMessage_IsOneOfItsIds(string name)
    {
        // Every id of the message gets a value of its own; the aggregate must be one of them.
        var type = MessageTypes.Find(name)!;
        var ids = type.GetProperties().Where(p => p.PropertyType == typeof(Guid)).ToDictionary(p => p.Name, _ => Guid.NewGuid());
        var values = type.GetProperties().ToDictionary(
            p => p.Name,
            p => ids.TryGetValue(p.Name, out var id) ? id : p.PropertyType == typeof(string) ? "x" : p.PropertyType.IsValueType ? Activator.CreateInstance(p.PropertyType) : null);
        var message = MessageJson.Deserialize(JsonSerializer.Serialize(values, JsonSerializerOptions.Web), type);

        Assert.Contains(MessageAggregates.Of(message), ids.Values);
    }

    [Fact]
    public void Of_SomethingElse_IsRefused() => Assert.Throws<ArgumentException>(() => MessageAggregates.Of("text"));
}
