using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Python's operators on the values of templates.</summary>
internal static class Operators
{
    private const int MaxNesting = 100;

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        Undefined => "Undefined",
        ListValue { IsTuple: true } => "tuple",
        ListValue => "list",
        DictValue => "dict",
        RangeValue => "range",
        NamespaceValue => "Namespace",
        FunctionValue function => $"function {function.Name}",
        LoopValue => "LoopContext",
        _ => "object",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        ListValue list => list.Items.Count > 0,
        DictValue dict => dict.Items.Count > 0,
        RangeValue range => range.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right, int depth = 0)
    {
        if (depth > MaxNesting)
        {
            throw new JinjaException("values are too deeply nested to compare");
        }

        switch (left, right)
        {
            case (null, null) or (Undefined, Undefined):
                return true;
            case (string a, string b):
                return string.Equals(a, b, StringComparison.Ordinal);
            case (ListValue a, ListValue b):
                return a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => AreEqual(pair.First, pair.Second, depth + 1));
            case (DictValue a, DictValue b):
                return a.Items.Count == b.Items.Count && a.Items.All(item => b.TryGet(item.Key, out var other) && AreEqual(item.Value, other, depth + 1));
            case (RangeValue a, RangeValue b):
                return a == b;
            default:
                return IsNumber(left) && IsNumber(right)
                    ? left is double || right is double ? ToDouble(left) == ToDouble(right) : ToBig(left) == ToBig(right)
                    : ReferenceEquals(left, right);
        }
    }

    /// <summary>The order of two values.</summary>
    public static int Compare(object? left, object? right, int depth = 0)
    {
        switch (left, right)
        {
            case (string a, string b):
                return PythonText.Compare(a, b);
            case (ListValue a, ListValue b) when a.IsTuple == b.IsTuple && depth < MaxNesting:
                foreach (var (x, y) in a.Items.Zip(b.Items))
                {
                    if (!AreEqual(x, y))
                    {
                        return Compare(x, y, depth + 1);
                    }
                }

                return a.Items.Count.CompareTo(b.Items.Count);
            default:
                RequireDefined(left);
                RequireDefined(right);
                return IsNumber(left) && IsNumber(right)
                    ? left is double || right is double ? ToDouble(left).CompareTo(ToDouble(right)) : ToBig(left).CompareTo(ToBig(right))
                    : throw new JinjaException($"'{TypeName(left)}' and '{TypeName(right)}' have no order");
        }
    }

    public static bool Contains(object? container, object? value, Interpreter interpreter)
    {
        switch (container)
        {
            case string text:
                return value is string part ? text.Contains(part, StringComparison.Ordinal) : throw new JinjaException($"'in <string>' requires a string, not {TypeName(value)}");
            case DictValue dict:
                return dict.TryGet(value, out _);
            case NamespaceValue or FunctionValue or null or bool or long or double:
                throw new JinjaException($"a value of type '{TypeName(container)}' has no elements");
            default:
                return interpreter.Iterate(container).Any(item => AreEqual(item, value));
        }
    }

    public static object? Binary(string op, object? left, object? right, Interpreter interpreter)
    {
        RequireDefined(left);
        RequireDefined(right);
        if (op == "%" && left is string format)
        {
            return interpreter.Made(Formatting.Percent(format, right));
        }

        switch (op, left, right)
        {
            case ("+", string a, string b):
                Interpreter.RequireRoom((long)a.Length + b.Length);
                return interpreter.Made(a + b);
            case ("+", ListValue a, ListValue b) when a.IsTuple == b.IsTuple:
                return interpreter.MadeList([.. a.Items, .. b.Items], a.IsTuple);
            case ("*", string or ListValue, long or bool):
                return Repeat(left, ToLong(right), interpreter);
            case ("*", long or bool, string or ListValue):
                return Repeat(right, ToLong(left), interpreter);
        }

        if (left is BigInteger || right is BigInteger || !IsNumber(left) || !IsNumber(right))
        {
            throw new JinjaException($"'{op}' does not work on '{TypeName(left)}' and '{TypeName(right)}'");
        }

        try
        {
            return left is double || right is double || op == "/" || (op == "**" && ToLong(right) < 0)
                ? (object)OfDoubles(op, ToDouble(left), ToDouble(right))
                : OfIntegers(op, ToLong(left), ToLong(right));
        }
        catch (OverflowException)
        {
            throw new JinjaException($"'{op}' gives an integer beyond 64 bits");
        }
    }

    public static object? Negate(object? value, bool negative) => value switch
    {
        _ when value is Undefined undefined => throw new JinjaException(undefined.Hint),
        double number => (object)(negative ? -number : number),
        long or bool when ToLong(value) is var number && number != long.MinValue => (object)(negative ? -number : number),
        _ => throw new JinjaException($"a sign does not work on '{TypeName(value)}'"),
    };

    public static bool IsNumber(object? value) => value is long or bool or double or BigInteger;

    public static double ToDouble(object? value) => value switch
    {
        double number => number,
        BigInteger number => (double)number,
        _ => ToLong(value),
    };

    public static void RequireDefined(object? value)
    {
        if (value is Undefined undefined)
        {
            throw new JinjaException(undefined.Hint);
        }
    }

    private static long ToLong(object? value) => value is bool flag ? flag ? 1 : 0 : (long)value!;

    private static BigInteger ToBig(object? value) => value is BigInteger big ? big : ToLong(value);

    private static object Repeat(object? value, long times, Interpreter interpreter)
    {
        times = Math.Max(0, times);
        if (value is string text)
        {
            Interpreter.RequireRoom(text.Length == 0 ? 0 : times > Limits.MaxText ? long.MaxValue : times * text.Length);
            return interpreter.Made(text.Length == 0 ? "" : new StringBuilder().Insert(0, text, (int)times).ToString());
        }

        var list = (ListValue)value!;
        return interpreter.MadeList(list.Items.Count == 0 ? [] : Copies(), list.IsTuple);

        IEnumerable<object?> Copies()
        {
            for (var i = 0L; i < times; i++)
            {
                foreach (var item in list.Items)
                {
                    yield return item;
                }
            }
        }
    }

    private static long OfIntegers(string op, long a, long b) => op switch
    {
        "+" => checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" => b == 0 ? throw new JinjaException("division by zero") : checked(a / b) - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0),
        "%" => b == 0 ? throw new JinjaException("division by zero") : b == -1 ? 0L : ((a % b) + b) % b,
        "**" => Power(a, b),
        _ => throw new JinjaException($"unknown operator '{op}'"),
    };

    private static long Power(long a, long b)
    {
        var result = 1L;
        if (b > 64 && a is not (0 or 1 or -1))
        {
            throw new OverflowException();
        }

        for (var i = a is 0 or 1 or -1 ? b % 2 == 0 && b > 0 ? 2 : Math.Min(b, 1) : b; i > 0; i--)
        {
            result = checked(result * a);
        }

        return result;
    }

    private static double OfDoubles(string op, double a, double b) => op switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => b == 0 ? throw new JinjaException("division by zero") : a / b,
        "//" => b == 0 ? throw new JinjaException("division by zero") : Math.Floor(a / b),
        "%" => b == 0 ? throw new JinjaException("division by zero") : a - (b * Math.Floor(a / b)),
        "**" => Math.Pow(a, b),
        _ => throw new JinjaException($"unknown operator '{op}'"),
    };
}
