namespace Rlhf.Modeling.Chat.Jinja;

// The values a template computes with: null (None), bool, long, BigInteger (only read and printed), double, string, and the classes below.
// Nothing else ever enters a template, and attributes are looked up by name in tables: no .NET member can be reached.

/// <summary>A name, attribute or item that is not there: prints as nothing, is false and empty, and is an error in most other uses.</summary>
internal sealed class Undefined(string hint)
{
    public string Hint { get; } = hint;
}

/// <summary>A list, or a tuple. Templates cannot change it.</summary>
internal sealed class ListValue(IReadOnlyList<object?> items, bool isTuple = false)
{
    public IReadOnlyList<object?> Items { get; } = items;

    public bool IsTuple { get; } = isTuple;
}

/// <summary><c>range(start, stop, step)</c>, which takes no memory for its numbers.</summary>
internal sealed record RangeValue(long Start, long Stop, long Step)
{
    public long Count => Step > 0 ? Math.Max(0, (Stop - Start + Step - 1) / Step) : Math.Max(0, (Start - Stop - Step - 1) / -Step);
}

/// <summary>A dictionary in order of insertion. Keys are None, booleans, numbers, strings or tuples of these.</summary>
internal sealed class DictValue
{
    private readonly Dictionary<object, int> _places = new(KeyComparer.Instance);

    public List<KeyValuePair<object?, object?>> Items { get; } = [];

    public object? this[object? key]
    {
        set
        {
            if (_places.TryGetValue(key ?? KeyComparer.None, out var place))
            {
                Items[place] = new(Items[place].Key, value);
            }
            else
            {
                _places.Add(key ?? KeyComparer.None, Items.Count);
                Items.Add(new(key, value));
            }
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        var found = _places.TryGetValue(key ?? KeyComparer.None, out var place);
        value = found ? Items[place].Value : null;
        return found;
    }

    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();
        public static readonly object None = new();

        public new bool Equals(object? x, object? y) => ReferenceEquals(x, y) || (x != None && y != None && Operators.AreEqual(x, y));

        public int GetHashCode(object key) => key switch
        {
            bool value => (value ? 1L : 0L).GetHashCode(),
            double value when value == Math.Floor(value) && Math.Abs(value) < 1e15 => ((long)value).GetHashCode(),
            ListValue list => list.Items.Count,
            _ => key.GetHashCode(),
        };
    }
}

/// <summary><c>namespace(...)</c>: the only thing a template can assign attributes to.</summary>
internal sealed class NamespaceValue
{
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}

/// <summary>A function, filter, test, method or macro.</summary>
internal sealed class FunctionValue(string name, Func<Arguments, object?> call)
{
    public string Name { get; } = name;

    public object? Call(Arguments arguments) => call(arguments);
}

/// <summary>The arguments of a call, taken by position or by name.</summary>
internal sealed class Arguments(Interpreter interpreter, IReadOnlyList<object?> positional, IReadOnlyDictionary<string, object?>? named = null)
{
    private static readonly Dictionary<string, object?> Nothing = [];

    public Interpreter Interpreter { get; } = interpreter;

    public IReadOnlyList<object?> Positional { get; } = positional;

    public IReadOnlyDictionary<string, object?> Named { get; } = named ?? Nothing;

    public int Count => Positional.Count;

    public bool Has(int index, string name) => index < Positional.Count || Named.ContainsKey(name);

    /// <summary>An argument that must be there.</summary>
    public object? Required(int index, string name) =>
        Has(index, name) ? Optional(index, name, null) : throw new JinjaException($"missing the argument '{name}'");

    public object? Optional(int index, string name, object? absent) =>
        index < Positional.Count ? Positional[index] : Named.TryGetValue(name, out var value) ? value : absent;

    public string Text(int index, string name) =>
        Required(index, name) is string text ? text : throw new JinjaException($"the argument '{name}' must be a string");

    public string Text(int index, string name, string absent) => Has(index, name) ? Text(index, name) : absent;

    public long Integer(int index, string name, long absent) => Optional(index, name, absent) switch
    {
        long value => value,
        bool value => value ? 1 : 0,
        _ => throw new JinjaException($"the argument '{name}' must be an integer"),
    };

    public bool Flag(int index, string name, bool absent) => Operators.IsTrue(Optional(index, name, absent));

    /// <summary>The arguments from an index on.</summary>
    public Arguments From(int index) => new(Interpreter, [.. Positional.Skip(index)], Named);
}

/// <summary>An error in a template or in its rendering.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="line">The line in the template; 0 until it is known.</param>
/// <param name="raised">Whether the template itself called raise_exception.</param>
internal sealed class JinjaException(string message, int line = 0, bool raised = false) : Exception(message)
{
    public int Line { get; } = line;

    public bool Raised { get; } = raised;
}
