namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

internal abstract class Statement(int line)
{
    public int Line { get; } = line;

    public abstract Flow Run(Interpreter interpreter, Scope scope);

    public static Flow RunAll(IReadOnlyList<Statement> statements, Interpreter interpreter, Scope scope)
    {
        foreach (var statement in statements)
        {
            interpreter.Step(statement.Line);
            try
            {
                if (statement.Run(interpreter, scope) is not Flow.Next and var flow)
                {
                    return flow;
                }
            }
            catch (JinjaException fault) when (fault.Line == 0)
            {
                throw new JinjaException(fault.Message, statement.Line, fault.Raised);
            }
        }

        return Flow.Next;
    }
}

internal sealed class DataStatement(int line, string text) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        interpreter.Write(text);
        return Flow.Next;
    }
}

internal sealed class OutputStatement(int line, Expression value) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        interpreter.Write(PythonText.Str(value.Evaluate(interpreter, scope)));
        return Flow.Next;
    }
}

internal sealed class IfStatement(int line, IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> branches, IReadOnlyList<Statement> otherwise) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        foreach (var (test, body) in branches)
        {
            if (Operators.IsTrue(test.Evaluate(interpreter, scope)))
            {
                return RunAll(body, interpreter, scope);
            }
        }

        return RunAll(otherwise, interpreter, scope);
    }
}

/// <summary>What a loop or an assignment gives values to: a name, an attribute of a namespace, or several in a tuple.</summary>
internal abstract class Target
{
    public abstract void Assign(object? value, Interpreter interpreter, Scope scope);
}

internal sealed class NameTarget(string name) : Target
{
    public override void Assign(object? value, Interpreter interpreter, Scope scope) => scope.Set(name, value);
}

internal sealed class AttributeTarget(string name, string attribute) : Target
{
    public override void Assign(object? value, Interpreter interpreter, Scope scope) =>
        (scope.Find(name) as NamespaceValue ?? throw new JinjaException($"'{name}' is no namespace: only attributes of namespaces can be set")).Attributes[attribute] = value;
}

internal sealed class TupleTarget(IReadOnlyList<Target> targets) : Target
{
    public override void Assign(object? value, Interpreter interpreter, Scope scope)
    {
        var items = interpreter.Iterate(value).ToList();
        if (items.Count != targets.Count)
        {
            throw new JinjaException($"{items.Count} values for {targets.Count} names");
        }

        foreach (var (target, item) in targets.Zip(items))
        {
            target.Assign(item, interpreter, scope);
        }
    }
}

internal sealed class ForStatement(
    int line, Target target, Expression items, Expression? test, IReadOnlyList<Statement> body, IReadOnlyList<Statement> otherwise) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        var values = new List<object?>();
        foreach (var item in interpreter.Iterate(items.Evaluate(interpreter, scope)))
        {
            interpreter.Step(Line);
            if (test is not null)
            {
                var inner = new Scope(scope);
                target.Assign(item, interpreter, inner);
                if (!Operators.IsTrue(test.Evaluate(interpreter, inner)))
                {
                    continue;
                }
            }

            values.Add(item);
        }

        if (values.Count == 0)
        {
            return RunAll(otherwise, interpreter, new Scope(scope));
        }

        for (var loop = new LoopValue(values); loop.Index0 < values.Count; loop.Index0++)
        {
            var inner = new Scope(scope);
            inner.Set("loop", loop);
            target.Assign(values[loop.Index0], interpreter, inner);
            if (RunAll(body, interpreter, inner) == Flow.Break)
            {
                break;
            }
        }

        return Flow.Next;
    }
}

/// <summary><c>loop</c>.</summary>
internal sealed class LoopValue(IReadOnlyList<object?> items)
{
    private object? _lastChanged = new();

    public int Index0 { get; set; }

    public object? Attribute(string name) => name switch
    {
        "index" => Index0 + 1L,
        "index0" => (long)Index0,
        "revindex" => (long)(items.Count - Index0),
        "revindex0" => (long)(items.Count - Index0 - 1),
        "first" => Index0 == 0,
        "last" => Index0 == items.Count - 1,
        "length" => (long)items.Count,

        // Only a recursive loop is deeper.
        "depth" => 1L,
        "depth0" => 0L,
        "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("there is no previous item"),
        "nextitem" => Index0 + 1 < items.Count ? items[Index0 + 1] : new Undefined("there is no next item"),
        "cycle" => new FunctionValue("cycle", arguments => arguments.Count > 0 ? arguments.Positional[Index0 % arguments.Count] : throw new JinjaException("no items for cycling given")),
        "changed" => new FunctionValue("changed", arguments =>
        {
            var now = new ListValue(arguments.Positional, isTuple: true);
            var changed = !Operators.AreEqual(_lastChanged, now);
            _lastChanged = now;
            return changed;
        }),
        _ => new Undefined($"'loop' has no attribute '{name}'"),
    };
}

internal sealed class SetStatement(int line, Target target, Expression value) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        target.Assign(value.Evaluate(interpreter, scope), interpreter, scope);
        return Flow.Next;
    }
}

internal sealed class SetBlockStatement(int line, Target target, Expression value, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        target.Assign(value.Evaluate(interpreter, BlockText.ScopeOf(body, interpreter, scope)), interpreter, scope);
        return Flow.Next;
    }
}

internal sealed class FilterBlockStatement(int line, Expression value, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        interpreter.Write(PythonText.Str(value.Evaluate(interpreter, BlockText.ScopeOf(body, interpreter, scope))));
        return Flow.Next;
    }
}

internal sealed class WithStatement(int line, IReadOnlyList<(Target Target, Expression Value)> assignments, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        var inner = new Scope(scope);
        foreach (var (target, value) in assignments)
        {
            target.Assign(value.Evaluate(interpreter, scope), interpreter, inner);
        }

        return RunAll(body, interpreter, inner);
    }
}

/// <summary>A macro, or the body of a call block, which is one without a name.</summary>
internal sealed record MacroDefinition(string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body)
{
    public FunctionValue Bind(Scope scope) => new(Name, arguments =>
    {
        var interpreter = arguments.Interpreter;
        var inner = new Scope(scope);
        inner.Set("varargs", new ListValue([.. arguments.Positional.Skip(Parameters.Count)], isTuple: true));
        var rest = new DictValue();
        foreach (var (name, value) in arguments.Named)
        {
            if (name == "caller")
            {
                inner.Set(name, value);
            }
            else if (!Parameters.Any(parameter => parameter.Name == name))
            {
                rest[name] = value;
            }
        }

        inner.Set("kwargs", rest);
        for (var i = 0; i < Parameters.Count; i++)
        {
            var (name, absent) = Parameters[i];
            inner.Set(name, arguments.Has(i, name) ? arguments.Optional(i, name, null)
                : absent is not null ? absent.Evaluate(interpreter, inner)
                : new Undefined($"parameter '{name}' was not provided"));
        }

        return interpreter.Enter(() => interpreter.Capture(() => Statement.RunAll(Body, interpreter, inner)));
    });
}

internal sealed class MacroStatement(int line, MacroDefinition macro) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        scope.Set(macro.Name, macro.Bind(scope));
        return Flow.Next;
    }
}

internal sealed class CallStatement(int line, CallExpression call, MacroDefinition caller) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        interpreter.Write(PythonText.Str(call.Call(interpreter, scope, caller.Bind(scope))));
        return Flow.Next;
    }
}

/// <summary><c>{% generation %}</c> of transformers: text the assistant writes.</summary>
internal sealed class GenerationStatement(int line, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope)
    {
        interpreter.BeginGeneration();
        var flow = RunAll(body, interpreter, new Scope(scope));
        interpreter.EndGeneration();
        return flow;
    }
}

internal sealed class FlowStatement(int line, Flow flow) : Statement(line)
{
    public override Flow Run(Interpreter interpreter, Scope scope) => flow;
}
