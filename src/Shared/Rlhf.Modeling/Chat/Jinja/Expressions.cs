namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>An expression.</summary>
internal abstract class Expression(int line)
{
    public int Line { get; } = line;

    /// <summary>The value; a fault gets the line of the innermost expression that has it.</summary>
    public object? Evaluate(Interpreter interpreter, Scope scope)
    {
        interpreter.Step(Line);
        try
        {
            return Value(interpreter, scope);
        }
        catch (JinjaException fault) when (fault.Line == 0)
        {
            throw new JinjaException(fault.Message, Line, fault.Raised);
        }
    }

    protected abstract object? Value(Interpreter interpreter, Scope scope);
}

internal sealed class Constant(int line, object? value) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) => value;
}

internal sealed class NameExpression(int line, string name) : Expression(line)
{
    public string Name => name;

    protected override object? Value(Interpreter interpreter, Scope scope) => scope.Find(name);
}

internal sealed class ListExpression(int line, IReadOnlyList<Expression> items, bool isTuple) : Expression(line)
{
    public IReadOnlyList<Expression> Items => items;

    public bool IsTuple => isTuple;

    protected override object? Value(Interpreter interpreter, Scope scope) =>
        interpreter.MadeList(items.Select(item => item.Evaluate(interpreter, scope)), isTuple);
}

internal sealed class DictExpression(int line, IReadOnlyList<(Expression Key, Expression Value)> items) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope)
    {
        var dict = new DictValue();
        foreach (var (key, value) in items)
        {
            dict[Interpreter.Hashable(key.Evaluate(interpreter, scope))] = value.Evaluate(interpreter, scope);
        }

        return dict;
    }
}

internal sealed class BinaryExpression(int line, string op, Expression left, Expression right) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope)
    {
        var first = left.Evaluate(interpreter, scope);
        return op switch
        {
            "and" => Operators.IsTrue(first) ? right.Evaluate(interpreter, scope) : first,
            "or" => Operators.IsTrue(first) ? first : right.Evaluate(interpreter, scope),
            _ => Operators.Binary(op, first, right.Evaluate(interpreter, scope), interpreter),
        };
    }
}

internal sealed class ConcatExpression(int line, IReadOnlyList<Expression> parts) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope)
    {
        var texts = new List<string>(parts.Count);
        var length = 0L;
        foreach (var part in parts)
        {
            texts.Add(PythonText.Str(part.Evaluate(interpreter, scope)));
            Interpreter.RequireRoom(length += texts[^1].Length);
        }

        return interpreter.Made(string.Concat(texts));
    }
}

internal sealed class NotExpression(int line, Expression inner) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) => !Operators.IsTrue(inner.Evaluate(interpreter, scope));
}

internal sealed class SignExpression(int line, Expression inner, bool negative) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) => Operators.Negate(inner.Evaluate(interpreter, scope), negative);
}

/// <summary>Comparisons in a chain, as <c>a &lt; b &lt;= c</c>.</summary>
internal sealed class CompareExpression(int line, Expression first, IReadOnlyList<(string Op, Expression Right)> rest) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope)
    {
        var left = first.Evaluate(interpreter, scope);
        foreach (var (op, operand) in rest)
        {
            var right = operand.Evaluate(interpreter, scope);
            var holds = op switch
            {
                "==" => Operators.AreEqual(left, right),
                "!=" => !Operators.AreEqual(left, right),
                "in" => Operators.Contains(right, left, interpreter),
                "not in" => !Operators.Contains(right, left, interpreter),
                "<" => Operators.Compare(left, right) < 0,
                "<=" => Operators.Compare(left, right) <= 0,
                ">" => Operators.Compare(left, right) > 0,
                _ => Operators.Compare(left, right) >= 0,
            };
            if (!holds)
            {
                return false;
            }

            left = right;
        }

        return true;
    }
}

internal sealed class ConditionalExpression(int line, Expression test, Expression then, Expression? otherwise) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) =>
        Operators.IsTrue(test.Evaluate(interpreter, scope)) ? then.Evaluate(interpreter, scope)
        : otherwise is null ? new Undefined("the inline if-expression evaluated to false and no else section was defined")
        : otherwise.Evaluate(interpreter, scope);
}

internal sealed class AttributeExpression(int line, Expression target, string name) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) => Members.Attribute(target.Evaluate(interpreter, scope), name, interpreter);
}

internal sealed class ItemExpression(int line, Expression target, Expression key) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) =>
        Members.Item(target.Evaluate(interpreter, scope), key.Evaluate(interpreter, scope), interpreter);
}

internal sealed class SliceExpression(int line, Expression target, Expression? start, Expression? stop, Expression? step) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope)
    {
        var value = target.Evaluate(interpreter, scope);
        return Members.Slice(value, Bound(start), Bound(stop), Bound(step), interpreter);

        long? Bound(Expression? bound) => bound?.Evaluate(interpreter, scope) switch
        {
            null => null,
            long number => number,
            bool flag => flag ? 1 : 0,
            var other => throw new JinjaException($"slice indices must be integers, not '{Operators.TypeName(other)}'"),
        };
    }
}

/// <summary>The arguments written in a call: positions, names, <c>*list</c>, <c>**dict</c>.</summary>
internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Spread, Expression? NamedSpread)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);

    public Arguments Evaluate(Interpreter interpreter, Scope scope, params IEnumerable<object?> first)
    {
        var positional = first.Concat(Positional.Select(argument => argument.Evaluate(interpreter, scope))).ToList();
        if (Spread is not null)
        {
            positional.AddRange(interpreter.Iterate(Spread.Evaluate(interpreter, scope)));
        }

        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in Named)
        {
            named[name] = value.Evaluate(interpreter, scope);
        }

        if (NamedSpread is not null)
        {
            var dict = NamedSpread.Evaluate(interpreter, scope) as DictValue ?? throw new JinjaException("** needs a dictionary");
            foreach (var (key, value) in dict.Items)
            {
                named[key as string ?? throw new JinjaException("** needs a dictionary with strings as keys")] = value;
            }
        }

        return new Arguments(interpreter, positional, named);
    }
}

internal sealed class CallExpression(int line, Expression target, ArgumentList arguments) : Expression(line)
{
    public object? Call(Interpreter interpreter, Scope scope, FunctionValue? caller)
    {
        var function = target.Evaluate(interpreter, scope);
        if (function is Undefined undefined)
        {
            throw new JinjaException(undefined.Hint);
        }

        if (function is not FunctionValue callable)
        {
            throw new JinjaException($"a value of type '{Operators.TypeName(function)}' cannot be called");
        }

        var evaluated = arguments.Evaluate(interpreter, scope);
        return callable.Call(caller is null ? evaluated : new Arguments(interpreter, evaluated.Positional, new Dictionary<string, object?>(evaluated.Named) { ["caller"] = caller }));
    }

    protected override object? Value(Interpreter interpreter, Scope scope) => Call(interpreter, scope, caller: null);
}

internal sealed class FilterExpression(int line, Expression target, string name, ArgumentList arguments) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) =>
        Filters.Apply(name, arguments.Evaluate(interpreter, scope, target.Evaluate(interpreter, scope)));
}

/// <summary>The text of a set or filter block, which its filters start from. It is in the scope under a name no template can write.</summary>
internal sealed class BlockText(int line) : Expression(line)
{
    private const string Name = "(block)";

    /// <summary>Runs a block's statements and gives the scope in which this expression is their output.</summary>
    public static Scope ScopeOf(IReadOnlyList<Statement> body, Interpreter interpreter, Scope scope)
    {
        var inner = new Scope(scope);
        inner.Set(Name, interpreter.Capture(() => Statement.RunAll(body, interpreter, new Scope(scope))));
        return inner;
    }

    protected override object? Value(Interpreter interpreter, Scope scope) => scope.Find(Name);
}

internal sealed class TestExpression(int line, Expression target, string name, ArgumentList arguments, bool negated) : Expression(line)
{
    protected override object? Value(Interpreter interpreter, Scope scope) =>
        Tests.Holds(name, arguments.Evaluate(interpreter, scope, target.Evaluate(interpreter, scope))) != negated;
}
