using System.Runtime.CompilerServices;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Names and their values; a name that is not here is looked for in the enclosing scope.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public void Set(string name, object? value) => _values[name] = value;

    public object? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._values.TryGetValue(name, out var value))
            {
                return value;
            }
        }

        return new Undefined($"'{name}' is undefined");
    }

    private Scope? Parent { get; } = parent;
}

/// <summary>One rendering: the output so far, and what it has used of its limits (<see cref="Limits"/>).</summary>
internal sealed class Interpreter(TimeProvider time)
{
    private readonly List<(int Start, int End)> _spans = [];
    private StringBuilder _output = new();
    private long _steps;
    private int _calls;
    private int _captures;
    private int _generationStart = -1;

    /// <summary>The generation blocks, in UTF-16 units of the output.</summary>
    public IReadOnlyList<(int Start, int End)> Spans => _spans;

    public string Output => _output.ToString();

    public DateTimeOffset Now => time.GetLocalNow();

    public void Step(int line)
    {
        if (++_steps > Limits.MaxSteps)
        {
            throw new JinjaException($"the rendering takes more than {Limits.MaxSteps} steps", line);
        }

        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new JinjaException("the template is too deeply nested", line);
        }
    }

    public void Write(string text)
    {
        RequireRoom((long)_output.Length + text.Length);
        Count(text.Length / 4);
        _output.Append(text);
    }

    /// <summary>Makes sure that a string of some length may be made.</summary>
    public static void RequireRoom(long length)
    {
        if (length > Limits.MaxText)
        {
            throw new JinjaException($"a text of more than {Limits.MaxText} characters");
        }
    }

    /// <summary>Counts a string that was made.</summary>
    public string Made(string text)
    {
        RequireRoom(text.Length);
        Count(text.Length / 4);
        return text;
    }

    /// <summary>Makes a list, counting its items.</summary>
    public ListValue MadeList(IEnumerable<object?> items, bool isTuple = false)
    {
        var list = new List<object?>();
        foreach (var item in items)
        {
            Count(1);
            list.Add(list.Count < Limits.MaxItems ? item : throw new JinjaException($"a list of more than {Limits.MaxItems} items"));
        }

        return new ListValue(list, isTuple);
    }

    /// <summary>The items of a value in order: of a list, of a dictionary its keys, of a string its characters.</summary>
    public IEnumerable<object?> Iterate(object? value)
    {
        switch (value)
        {
            case ListValue list:
                return list.Items;
            case DictValue dict:
                return dict.Items.Select(item => item.Key);
            case string text:
                Count(text.Length);
                return PythonText.Characters(text);
            case Undefined:
                return [];
            case RangeValue range:
                return Numbers(range);
            default:
                throw new JinjaException($"a value of type '{Operators.TypeName(value)}' cannot be iterated over");
        }
    }

    /// <summary>A value as a dictionary's key.</summary>
    public static object? Hashable(object? key) => key switch
    {
        null or bool or long or double or string => key,
        ListValue { IsTuple: true } tuple when tuple.Items.All(item => item is null or bool or long or double or string) => key,
        _ => throw new JinjaException($"a value of type '{Operators.TypeName(key)}' cannot be a key"),
    };

    /// <summary>Runs statements whose output goes into a string.</summary>
    public string Capture(Action run)
    {
        var outer = _output;
        _output = new StringBuilder();
        _captures++;
        try
        {
            run();
            return _output.ToString();
        }
        finally
        {
            _output = outer;
            _captures--;
        }
    }

    /// <summary>Runs a macro: not too many inside one another, for the sake of the stack.</summary>
    public object? Enter(Func<object?> call)
    {
        if (++_calls > Limits.MaxCalls)
        {
            throw new JinjaException($"macros call one another more than {Limits.MaxCalls} deep");
        }

        try
        {
            return call();
        }
        finally
        {
            _calls--;
        }
    }

    public void BeginGeneration()
    {
        // Inside a macro, set or filter block the place in the final text is not known.
        if (_captures > 0 || _generationStart >= 0)
        {
            throw new JinjaException("a generation block must not stand inside a macro, a call, set or filter block, or another generation block");
        }

        _generationStart = _output.Length;
    }

    public void EndGeneration()
    {
        _spans.Add((_generationStart, _output.Length));
        _generationStart = -1;
    }

    private void Count(long steps)
    {
        _steps += steps;
        if (_steps > Limits.MaxSteps)
        {
            throw new JinjaException($"the rendering takes more than {Limits.MaxSteps} steps");
        }
    }

    private IEnumerable<object?> Numbers(RangeValue range)
    {
        var number = range.Start;
        for (var left = range.Count; left > 0; left--)
        {
            Count(1);
            yield return number;
            number += left > 1 ? range.Step : 0;
        }
    }
}
