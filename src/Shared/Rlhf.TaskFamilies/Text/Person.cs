namespace Rlhf.TaskFamilies.Text;

/// <summary>A name and the pronouns that go with it.</summary>
internal sealed record Person(string Name, string He)
{
    public string Him => He == "he" ? "him" : "her";

    public string His => He == "he" ? "his" : "her";

    /// <summary>The slots of this person: {name}, {he}, {him}, {his}.</summary>
    public Dictionary<string, string> Slots() => new() { ["name"] = Name, ["he"] = He, ["him"] = Him, ["his"] = His };
}
