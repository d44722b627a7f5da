using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Rlhf.Cli;

/// <summary>Summaries from the documentation files that the compiler writes beside the assemblies.</summary>
internal static partial class XmlDocumentation
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Members = new();

    /// <summary>The summary of a type as one line of Markdown.</summary>
    /// <exception cref="UserException">If it has none, or the file is not there.</exception>
    public static string Summary(Type type) => Summary(type.Assembly, $"T:{type.FullName}");

    /// <summary>The summary of a property as one line of Markdown.</summary>
    /// <exception cref="UserException">If it has none, or the file is not there.</exception>
    public static string Summary(PropertyInfo property) => Summary(property.DeclaringType!.Assembly, $"P:{property.DeclaringType.FullName}.{property.Name}");

    /// <summary>The same, or null if there is none.</summary>
    public static string? TrySummary(PropertyInfo property)
    {
        try
        {
            return Summary(property);
        }
        catch (UserException)
        {
            return null;
        }
    }

    private static string Summary(Assembly assembly, string member)
    {
        var members = Members.GetOrAdd(assembly, Read);
        return members.TryGetValue(member, out var element) && element.Element("summary") is { } summary
            ? Whitespace().Replace(string.Concat(summary.Nodes().Select(Text)), " ").Trim()
            : throw new UserException($"{member} has no documentation in {PathOf(assembly)}.");
    }

    private static Dictionary<string, XElement> Read(Assembly assembly)
    {
        var path = PathOf(assembly);
        return File.Exists(path)
            ? XDocument.Load(path).Descendants("member").ToDictionary(e => e.Attribute("name")!.Value, StringComparer.Ordinal)
            : throw new UserException($"{path} is missing: the reference is made where the program was built.");
    }

    private static string PathOf(Assembly assembly) => Path.ChangeExtension(assembly.Location, ".xml");

    private static string Text(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" } see when see.Attribute("cref") is { } reference => $"`{LastName(reference.Value)}`",
        XElement { Name.LocalName: "see" } see => see.Attribute("langword") is { } word ? $"`{word.Value}`" : see.Attribute("href")?.Value ?? "",
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement element => string.Concat(element.Nodes().Select(Text)),
        _ => "",
    };

    private static string LastName(string reference)
    {
        var name = reference.Split('(')[0];
        return name[(name.LastIndexOf('.') + 1)..];
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
