namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Attributes, items, slices and methods of values. What is not in these tables does not exist.</summary>
internal static class Members
{
    /// <summary>Methods that change their object; transformers' sandbox forbids them.</summary>
    private static readonly string[] ChangingLists = ["append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear"];

    private static readonly string[] ChangingDicts = ["pop", "clear", "update", "setdefault", "popitem"];

    /// <summary><c>value.name</c>: a method or attribute first, then an item of that name.</summary>
    public static object? Attribute(object? value, string name, Interpreter interpreter)
    {
        Operators.RequireDefined(value);
        return Method(value, name) ?? (value switch
        {
            LoopValue loop => loop.Attribute(name),
            NamespaceValue space => space.Attributes.TryGetValue(name, out var attribute) ? attribute : Missing(value, name),
            FunctionValue function when name == "name" => function.Name,
            DictValue dict => dict.TryGet(name, out var item) ? item : Missing(value, name),
            _ => Missing(value, name),
        });
    }

    /// <summary><c>value[key]</c>: an item first, then an attribute of that name.</summary>
    public static object? Item(object? value, object? key, Interpreter interpreter)
    {
        Operators.RequireDefined(value);
        switch (value)
        {
            case DictValue dict when key is not (ListValue { IsTuple: false } or DictValue) && dict.TryGet(key, out var item):
                return item;
            case ListValue list when Index(key, list.Items.Count) is { } index:
                return list.Items[index];
            case string text when key is long or bool:
                var characters = interpreter.Iterate(text).ToList();
                return Index(key, characters.Count) is { } at ? characters[at] : Missing(value, PythonText.Repr(key));
            case RangeValue range when key is long number:
                number += number < 0 ? range.Count : 0;
                return number >= 0 && number < range.Count ? range.Start + (number * range.Step) : Missing(value, PythonText.Repr(key));
            default:
                return key is string name
                    ? Method(value, name) ?? (value is LoopValue or NamespaceValue ? Attribute(value, name, interpreter) : Missing(value, name))
                    : Missing(value, PythonText.Repr(key));
        }
    }

    /// <summary><c>value[start:stop:step]</c>.</summary>
    public static object? Slice(object? value, long? start, long? stop, long? step, Interpreter interpreter)
    {
        Operators.RequireDefined(value);
        if (value is not (string or ListValue or RangeValue))
        {
            throw new JinjaException($"a value of type '{Operators.TypeName(value)}' cannot be sliced");
        }

        var items = interpreter.Iterate(value).ToList();
        var by = step ?? 1;
        if (by == 0)
        {
            throw new JinjaException("slice step cannot be zero");
        }

        // CPython, PySlice_AdjustIndices.
        long count = items.Count;
        var first = start is { } s ? Bound(s) : by > 0 ? 0 : count - 1;
        var end = stop is { } e ? Bound(e) : by > 0 ? count : -1;
        var taken = new List<object?>();
        for (var i = first; by > 0 ? i < end : i > end; i += by)
        {
            taken.Add(items[(int)i]);
            if (Math.Abs(by) > count)
            {
                break;
            }
        }

        return value is string
            ? interpreter.Made(string.Concat(taken.Cast<string>()))
            : interpreter.MadeList(taken, value is ListValue { IsTuple: true });

        long Bound(long bound) => bound < 0
            ? Math.Max(bound + count, by > 0 ? 0 : -1)
            : Math.Min(bound, by > 0 ? count : count - 1);
    }

    private static Undefined Missing(object? value, string name) => new($"'{Operators.TypeName(value)} object' has no attribute '{name}'");

    private static int? Index(object? key, int count)
    {
        var index = key switch
        {
            long number => number,
            bool flag => flag ? 1 : 0,
            _ => long.MaxValue,
        };
        index += index < 0 ? count : 0;
        return index >= 0 && index < count ? (int)index : null;
    }

    private static FunctionValue? Method(object? value, string name) => value switch
    {
        string text when StringMethods.Find(name) is { } method => new FunctionValue(name, arguments => method(text, arguments)),
        ListValue { IsTuple: false } or DictValue when (value is DictValue ? ChangingDicts : ChangingLists).Contains(name) =>
            new FunctionValue(name, _ => throw new JinjaException($"'{name}' would change a value, which templates must not")),
        ListValue list => name switch
        {
            "index" => new FunctionValue(name, arguments =>
                list.Items.ToList().FindIndex(item => Operators.AreEqual(item, arguments.Required(0, "value"))) is var at and >= 0 ? (long)at : throw new JinjaException("the value is not in the list")),
            "count" => new FunctionValue(name, arguments => (long)list.Items.Count(item => Operators.AreEqual(item, arguments.Required(0, "value")))),
            "copy" => new FunctionValue(name, _ => list),
            _ => null,
        },
        DictValue dict => name switch
        {
            "items" => new FunctionValue(name, arguments => Pairs(dict, arguments.Interpreter)),
            "keys" => new FunctionValue(name, arguments => arguments.Interpreter.MadeList(dict.Items.Select(item => item.Key))),
            "values" => new FunctionValue(name, arguments => arguments.Interpreter.MadeList(dict.Items.Select(item => item.Value))),
            "get" => new FunctionValue(name, arguments => dict.TryGet(arguments.Required(0, "key"), out var item) ? item : arguments.Optional(1, "default", null)),
            "copy" => new FunctionValue(name, _ => dict),
            _ => null,
        },
        _ => null,
    };

    public static ListValue Pairs(DictValue dict, Interpreter interpreter) =>
        interpreter.MadeList(dict.Items.Select(item => new ListValue([item.Key, item.Value], isTuple: true)));
}
