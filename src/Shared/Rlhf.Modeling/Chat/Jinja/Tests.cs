namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Jinja's tests (<c>value is name</c>).</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<Arguments, bool>> Known = new(StringComparer.Ordinal)
    {
        ["defined"] = a => a.Positional[0] is not Undefined,
        ["undefined"] = a => a.Positional[0] is Undefined,
        ["none"] = a => a.Positional[0] is null,
        ["boolean"] = a => a.Positional[0] is bool,
        ["true"] = a => a.Positional[0] is true,
        ["false"] = a => a.Positional[0] is false,
        ["integer"] = a => a.Positional[0] is long or System.Numerics.BigInteger,
        ["float"] = a => a.Positional[0] is double,
        ["number"] = a => Operators.IsNumber(a.Positional[0]),
        ["string"] = a => a.Positional[0] is string,
        ["mapping"] = a => a.Positional[0] is DictValue,
        ["sequence"] = a => a.Positional[0] is string or ListValue or DictValue or RangeValue or Undefined,
        ["iterable"] = a => a.Positional[0] is string or ListValue or DictValue or RangeValue or Undefined,
        ["callable"] = a => a.Positional[0] is FunctionValue,
        ["odd"] = a => Remainder(a, 2) == 1,
        ["even"] = a => Remainder(a, 2) == 0,
        ["divisibleby"] = a => Remainder(a, a.Integer(1, "num", 0)) == 0,
        ["lower"] = a => (bool)StringMethods.Find("islower")!(PythonText.Str(a.Positional[0]), a)!,
        ["upper"] = a => (bool)StringMethods.Find("isupper")!(PythonText.Str(a.Positional[0]), a)!,
        ["sameas"] = a => a.Positional[0] is null or bool ? Equals(a.Positional[0], a.Required(1, "other")) : ReferenceEquals(a.Positional[0], a.Required(1, "other")),
        ["escaped"] = _ => false,
        ["filter"] = a => a.Positional[0] is string name && Filters.IsKnown(name),
        ["test"] = a => a.Positional[0] is string name && IsKnown(name),
        ["in"] = a => Operators.Contains(a.Required(1, "seq"), a.Positional[0], a.Interpreter),
        ["eq"] = a => Operators.AreEqual(a.Positional[0], a.Required(1, "other")),
        ["ne"] = a => !Operators.AreEqual(a.Positional[0], a.Required(1, "other")),
        ["lt"] = a => Operators.Compare(a.Positional[0], a.Required(1, "other")) < 0,
        ["le"] = a => Operators.Compare(a.Positional[0], a.Required(1, "other")) <= 0,
        ["gt"] = a => Operators.Compare(a.Positional[0], a.Required(1, "other")) > 0,
        ["ge"] = a => Operators.Compare(a.Positional[0], a.Required(1, "other")) >= 0,
    };

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["=="] = "eq",
        ["equalto"] = "eq",
        ["!="] = "ne",
        ["<"] = "lt",
        ["lessthan"] = "lt",
        ["<="] = "le",
        [">"] = "gt",
        ["greaterthan"] = "gt",
        [">="] = "ge",
    };

    public static bool IsKnown(string name) => Known.ContainsKey(Aliases.GetValueOrDefault(name, name));

    /// <summary>Whether a test holds for the first argument.</summary>
    public static bool Holds(string name, Arguments arguments) =>
        Known.TryGetValue(Aliases.GetValueOrDefault(name, name), out var test) ? test(arguments) : throw new JinjaException($"no test is called '{name}'");

    private static long Remainder(Arguments arguments, long divisor) => Operators.Binary("%", arguments.Positional[0], divisor, arguments.Interpreter) switch
    {
        long rest => rest,
        double rest => rest == 0 ? 0 : rest == 1 ? 1 : -1,
        _ => throw new JinjaException("not a number"),
    };
}
