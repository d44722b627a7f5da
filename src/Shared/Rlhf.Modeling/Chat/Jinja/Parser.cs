using System.Globalization;

namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>Reads the statements of a template (jinja2, parser.py); expressions are in <see cref="ExpressionParser"/>.</summary>
internal sealed class Parser
{
    private readonly ExpressionParser _expressions;
    private int _depth;
    private int _loops;

    // The name of the block tag that ended the last body.
    private string _end = "";

    private Parser(List<Token> tokens) => _expressions = new ExpressionParser(tokens);

    /// <summary>Whether the template has a generation block.</summary>
    public bool HasGeneration { get; private set; }

    /// <exception cref="JinjaException">If the template is malformed or uses a statement that is not supported.</exception>
    public static (IReadOnlyList<Statement> Statements, bool HasGeneration) Read(string source)
    {
        if (source.Length > Limits.MaxSource)
        {
            throw new JinjaException($"the template has {source.Length} characters; at most {Limits.MaxSource} are read", 1);
        }

        var parser = new Parser(Lexer.Read(source));
        var statements = parser.Body(null, []);
        return (statements, parser.HasGeneration);
    }

    private Token Current => _expressions.Current;

    /// <summary>Statements up to a block with one of these names, whose tag is left half read, behind its name.</summary>
    private List<Statement> Body(string? opened, string[] ends)
    {
        if (++_depth > Limits.MaxNesting)
        {
            throw new JinjaException($"blocks are nested deeper than {Limits.MaxNesting}", Current.Line);
        }

        var start = Current.Line;
        var statements = new List<Statement>();
        while (true)
        {
            var token = _expressions.Take();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    statements.Add(new DataStatement(token.Line, token.Value));
                    break;
                case TokenKind.VariableBegin:
                    statements.Add(new OutputStatement(token.Line, _expressions.Tuple()));
                    _expressions.Expect(TokenKind.VariableEnd);
                    break;
                case TokenKind.BlockBegin:
                    var name = _expressions.Expect(TokenKind.Name);
                    if (ends.Contains(name.Value))
                    {
                        _depth--;
                        _end = name.Value;
                        return statements;
                    }

                    statements.Add(Block(name));
                    break;
                case TokenKind.End when opened is null:
                    _depth--;
                    return statements;
                default:
                    throw new JinjaException($"the block '{opened}' has no '{string.Join("' or '", ends)}'", start);
            }
        }
    }

    private void EndBlock() => _expressions.Expect(TokenKind.BlockEnd);

    /// <summary>The statements of a block that ends with one name, and its end tag.</summary>
    private List<Statement> Closed(string opened, string end)
    {
        EndBlock();
        var body = Body(opened, [end]);
        EndBlock();
        return body;
    }

    private Statement Block(Token name)
    {
        var line = name.Line;
        switch (name.Value)
        {
            case "if":
                return If(line);
            case "for":
                return For(line);
            case "set":
                return Set(line);
            case "macro":
                var macroName = _expressions.Expect(TokenKind.Name).Value;
                var parameters = Parameters();
                return new MacroStatement(line, new MacroDefinition(macroName, parameters, Function(() => Closed("macro", "endmacro"))));
            case "call":
                var callParameters = _expressions.Is("(") ? Parameters() : [];
                var call = _expressions.Expression() as CallExpression ?? throw new JinjaException("a call block needs a call", line);
                return new CallStatement(line, call, new MacroDefinition("caller", callParameters, Function(() => Closed("call", "endcall"))));
            case "filter":
                return new FilterBlockStatement(line, _expressions.Filters(new BlockText(line), first: true), Closed("filter", "endfilter"));
            case "with":
                var assignments = new List<(Target, Expression)>();
                while (Current.Kind != TokenKind.BlockEnd)
                {
                    var target = _expressions.AssignmentTarget();
                    _expressions.ExpectOperator("=");
                    assignments.Add((target, _expressions.Expression()));
                    _expressions.TakeIf(",");
                }

                return new WithStatement(line, assignments, Closed("with", "endwith"));
            case "generation":
                HasGeneration = true;
                return new GenerationStatement(line, Closed("generation", "endgeneration"));
            case "break" or "continue":
                if (_loops == 0)
                {
                    throw new JinjaException($"'{name.Value}' outside of a loop", line);
                }

                EndBlock();
                return new FlowStatement(line, name.Value == "break" ? Flow.Break : Flow.Continue);
            default:
                throw new JinjaException($"the block '{name.Value}' is unknown here or not supported", line);
        }
    }

    private IfStatement If(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        var test = _expressions.Expression();
        while (true)
        {
            EndBlock();
            branches.Add((test, Body("if", ["elif", "else", "endif"])));
            if (_end == "elif")
            {
                test = _expressions.Expression();
                continue;
            }

            return new IfStatement(line, branches, Otherwise("if", "endif"));
        }
    }

    private ForStatement For(int line)
    {
        var target = _expressions.LoopTarget();
        _expressions.ExpectName("in");
        var items = _expressions.Tuple(withConditions: false);
        var test = _expressions.TakeIfName("if") ? _expressions.Expression() : null;
        if (_expressions.TakeIfName("recursive"))
        {
            throw new JinjaException("recursive loops are not supported", line);
        }

        EndBlock();
        _loops++;
        var body = Body("for", ["else", "endfor"]);
        _loops--;
        return new ForStatement(line, target, items, test, body, Otherwise("for", "endfor"));
    }

    /// <summary>What follows the body that was just read: an else with its statements, or the end tag.</summary>
    private List<Statement> Otherwise(string opened, string end)
    {
        if (_end == "else")
        {
            return Closed(opened, end);
        }

        EndBlock();
        return [];
    }

    private Statement Set(int line)
    {
        var target = _expressions.AssignmentTarget();
        if (_expressions.TakeIf("="))
        {
            var value = _expressions.Tuple();
            EndBlock();
            return new SetStatement(line, target, value);
        }

        return new SetBlockStatement(line, target, _expressions.Filters(new BlockText(line), first: false), Closed("set", "endset"));
    }

    private List<(string, Expression?)> Parameters()
    {
        var parameters = new List<(string, Expression?)>();
        _expressions.ExpectOperator("(");
        while (!_expressions.TakeIf(")"))
        {
            if (parameters.Count > 0)
            {
                _expressions.ExpectOperator(",");
            }

            var name = _expressions.Expect(TokenKind.Name).Value;
            parameters.Add((name, _expressions.TakeIf("=") ? _expressions.Expression() : null));
        }

        return parameters;
    }

    // A loop outside a macro is none for a break inside it.
    private List<Statement> Function(Func<List<Statement>> read)
    {
        var loops = _loops;
        _loops = 0;
        var body = read();
        _loops = loops;
        return body;
    }
}

/// <summary>Reads expressions, from the loosest operator (if) to the tightest (a value with its filters).</summary>
internal sealed class ExpressionParser(List<Token> tokens)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private int _at;
    private int _depth;

    public Token Current => tokens[_at];

    public Token Take() => tokens[_at].Kind == TokenKind.End ? tokens[_at] : tokens[_at++];

    public bool Is(string op) => Current.Kind == TokenKind.Operator && Current.Value == op;

    public bool IsName(string name) => Current.Kind == TokenKind.Name && Current.Value == name;

    public bool TakeIf(string op) => Is(op) && Take().Line > 0;

    public bool TakeIfName(string name) => IsName(name) && Take().Line > 0;

    public Token Expect(TokenKind kind) => Current.Kind == kind ? Take() : throw Unexpected(kind.ToString());

    public void ExpectOperator(string op)
    {
        if (!TakeIf(op))
        {
            throw Unexpected($"'{op}'");
        }
    }

    public void ExpectName(string name)
    {
        if (!TakeIfName(name))
        {
            throw Unexpected($"'{name}'");
        }
    }

    public Expression Expression() => Deeper(() => Condition());

    /// <summary>One expression, or several with commas between them, which make a tuple.</summary>
    public Expression Tuple(bool withConditions = true)
    {
        var line = Current.Line;
        var first = withConditions ? Expression() : Deeper(Or);
        if (!Is(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (TakeIf(",") && !AtEnd())
        {
            items.Add(withConditions ? Expression() : Deeper(Or));
        }

        return new ListExpression(line, items, isTuple: true);
    }

    public Target LoopTarget() => Targets(() => Is("(") ? Parenthesized(LoopTarget) : new NameTarget(TargetName()));

    public Target AssignmentTarget() => Targets(() =>
    {
        if (Is("("))
        {
            return Parenthesized(AssignmentTarget);
        }

        var name = TargetName();
        return TakeIf(".") ? new AttributeTarget(name, Expect(TokenKind.Name).Value) : new NameTarget(name);
    });

    /// <summary>A chain of filters on a value; the first without its bar in a filter block.</summary>
    public Expression Filters(Expression value, bool first)
    {
        while (first || TakeIf("|"))
        {
            first = false;
            var line = Current.Line;
            var name = DottedName();
            if (!Jinja.Filters.IsKnown(name))
            {
                throw new JinjaException($"no filter is called '{name}'", line);
            }

            value = new FilterExpression(line, value, name, Is("(") ? Arguments() : ArgumentList.Empty);
        }

        return value;
    }

    private JinjaException Unexpected(string expected) => new(
        $"expected {expected}, found {(Current.Kind is TokenKind.Name or TokenKind.Operator or TokenKind.Integer or TokenKind.Float ? $"'{Current.Value}'" : Current.Kind)}", Current.Line);

    private bool AtEnd() => Current.Kind is TokenKind.BlockEnd or TokenKind.VariableEnd or TokenKind.End || Is(")") || Is("=") || IsName("in") || IsName("if");

    private T Deeper<T>(Func<T> read)
    {
        if (++_depth > Limits.MaxNesting)
        {
            throw new JinjaException($"expressions are nested deeper than {Limits.MaxNesting}", Current.Line);
        }

        var result = read();
        _depth--;
        return result;
    }

    private Target Targets(Func<Target> one)
    {
        var targets = new List<Target> { one() };
        var tuple = false;
        while (TakeIf(","))
        {
            tuple = true;
            if (AtEnd())
            {
                break;
            }

            targets.Add(one());
        }

        return tuple ? new TupleTarget(targets) : targets[0];
    }

    private Target Parenthesized(Func<Target> read)
    {
        ExpectOperator("(");
        var target = Deeper(read);
        ExpectOperator(")");
        return target;
    }

    private string TargetName()
    {
        var name = Expect(TokenKind.Name);
        return name.Value is "true" or "false" or "none" or "True" or "False" or "None"
            ? throw new JinjaException($"'{name.Value}' cannot be assigned to", name.Line)
            : name.Value;
    }

    private Expression Condition()
    {
        var value = Or();
        for (var depth = 0; Current is { Kind: TokenKind.Name, Value: "if" } token; depth++)
        {
            // Each condition holds the value before it: the tree is as deep as the chain is long.
            if (depth == Limits.MaxChain)
            {
                throw new JinjaException($"more than {Limits.MaxChain} conditions in a row", token.Line);
            }

            Take();
            var test = Or();
            value = new ConditionalExpression(token.Line, test, value, TakeIfName("else") ? Deeper(Condition) : null);
        }

        return value;
    }

    private Expression Or() => LeftToRight(And, () => IsName("or"));

    private Expression And() => LeftToRight(Not, () => IsName("and"));

    private Expression Not() =>
        Current is { Kind: TokenKind.Name, Value: "not" } token && Take().Line > 0 ? new NotExpression(token.Line, Deeper(Not)) : Comparison();

    private Expression Comparison()
    {
        var line = Current.Line;
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Comparisons.Contains(Current.Value))
            {
                rest.Add((Take().Value, Sum()));
            }
            else if (TakeIfName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (IsName("not") && tokens[_at + 1] is { Kind: TokenKind.Name, Value: "in" })
            {
                _at += 2;
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpression(line, first, rest);
            }
        }
    }

    private Expression Sum() => LeftToRight(Concatenation, () => Is("+") || Is("-"));

    private Expression Concatenation()
    {
        var line = Current.Line;
        var parts = new List<Expression> { Product() };
        while (TakeIf("~"))
        {
            parts.Add(Product());
        }

        return parts.Count == 1 ? parts[0] : new ConcatExpression(line, parts);
    }

    private Expression Product() => LeftToRight(Power, () => Is("*") || Is("/") || Is("//") || Is("%"));

    private Expression Power() => LeftToRight(() => Unary(withFilters: true), () => Is("**"));

    private Expression LeftToRight(Func<Expression> operand, Func<bool> isOperator)
    {
        var left = operand();
        for (var depth = 0; isOperator(); depth++)
        {
            // A chain of operators is a tree as deep as it is long.
            var token = Take();
            left = depth < Limits.MaxChain ? new BinaryExpression(token.Line, token.Value, left, operand()) : throw new JinjaException($"more than {Limits.MaxChain} operators in a row", token.Line);
        }

        return left;
    }

    private Expression Unary(bool withFilters)
    {
        var token = Current;
        Expression value = Is("-") || Is("+")
            ? new SignExpression(Take().Line, Deeper(() => Unary(withFilters: false)), token.Value == "-")
            : Primary();
        value = Postfix(value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private Expression Primary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Value switch
                {
                    "true" or "True" => new Constant(token.Line, true),
                    "false" or "False" => new Constant(token.Line, false),
                    "none" or "None" => new Constant(token.Line, null),
                    _ => new NameExpression(token.Line, token.Value),
                };
            case TokenKind.Text:
                var text = token.Value;
                while (Current.Kind == TokenKind.Text)
                {
                    text += Take().Value;
                }

                return new Constant(token.Line, text);
            case TokenKind.Integer:
                return new Constant(token.Line, long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var integer)
                    ? integer
                    : throw new JinjaException($"the integer {token.Value} has more than 64 bits", token.Line));
            case TokenKind.Float:
                return new Constant(token.Line, double.Parse(token.Value, CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Value == "(":
                var inner = TakeIf(")") ? null : Tuple();
                if (inner is not null)
                {
                    ExpectOperator(")");
                }

                return inner ?? new ListExpression(token.Line, [], isTuple: true);
            case TokenKind.Operator when token.Value == "[":
                return new ListExpression(token.Line, Items("]", Expression), isTuple: false);
            case TokenKind.Operator when token.Value == "{":
                return new DictExpression(token.Line, Items("}", () =>
                {
                    var key = Expression();
                    ExpectOperator(":");
                    return (key, Expression());
                }));
            default:
                _at = Math.Max(0, _at - (token.Kind == TokenKind.End ? 0 : 1));
                throw Unexpected("an expression");
        }
    }

    private List<T> Items<T>(string end, Func<T> one)
    {
        var items = new List<T>();
        while (!TakeIf(end))
        {
            if (items.Count > 0)
            {
                ExpectOperator(",");
                if (TakeIf(end))
                {
                    break;
                }
            }

            items.Add(one());
        }

        return items;
    }

    private Expression Postfix(Expression value)
    {
        for (var count = 0; ; count++)
        {
            if (count > Limits.MaxChain)
            {
                throw new JinjaException($"more than {Limits.MaxChain} attributes, items and calls in a row", Current.Line);
            }

            var line = Current.Line;
            if (TakeIf("."))
            {
                value = Current.Kind == TokenKind.Integer
                    ? new ItemExpression(line, value, Primary())
                    : new AttributeExpression(line, value, Expect(TokenKind.Name).Value);
            }
            else if (TakeIf("["))
            {
                value = Subscript(value, line);
            }
            else if (Is("("))
            {
                value = new CallExpression(line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression value, int line)
    {
        Expression? start = null;
        if (!Is(":"))
        {
            start = Tuple();
            if (TakeIf("]"))
            {
                return new ItemExpression(line, value, start);
            }
        }

        ExpectOperator(":");
        var stop = Is(":") || Is("]") ? null : Expression();
        var step = TakeIf(":") && !Is("]") ? Expression() : null;
        ExpectOperator("]");
        return new SliceExpression(line, value, start, stop, step);
    }

    private ArgumentList Arguments()
    {
        ExpectOperator("(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        Expression? spread = null, namedSpread = null;
        var first = true;
        while (!TakeIf(")"))
        {
            if (!first)
            {
                ExpectOperator(",");
                if (TakeIf(")"))
                {
                    break;
                }
            }

            first = false;
            if (TakeIf("*"))
            {
                spread = spread is null ? Expression() : throw Unexpected("one *");
            }
            else if (TakeIf("**"))
            {
                namedSpread = namedSpread is null ? Expression() : throw Unexpected("one **");
            }
            else if (Current.Kind == TokenKind.Name && tokens[_at + 1] is { Kind: TokenKind.Operator, Value: "=" })
            {
                var name = Take().Value;
                Take();
                named.Add((name, Expression()));
            }
            else
            {
                positional.Add(named.Count == 0 && spread is null ? Expression() : throw Unexpected("a named argument"));
            }
        }

        return new ArgumentList(positional, named, spread, namedSpread);
    }

    private Expression FiltersAndTests(Expression value)
    {
        for (var count = 0; ; count++)
        {
            if (count > Limits.MaxChain)
            {
                throw new JinjaException($"more than {Limits.MaxChain} filters in a row", Current.Line);
            }

            if (Is("|"))
            {
                value = Filters(value, first: false);
            }
            else if (TakeIfName("is"))
            {
                value = Test(value);
            }
            else if (Is("("))
            {
                value = new CallExpression(Current.Line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private TestExpression Test(Expression value)
    {
        var line = Current.Line;
        var negated = TakeIfName("not");
        var name = DottedName();
        if (!Tests.IsKnown(name))
        {
            throw new JinjaException($"no test is called '{name}'", line);
        }

        var arguments = ArgumentList.Empty;
        if (Is("("))
        {
            arguments = Arguments();
        }
        else if (Current.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Float || Is("[") || Is("{")
            || (Current.Kind == TokenKind.Name && Current.Value is not ("else" or "or" or "and" or "if" or "is" or "in" or "not" or "recursive")))
        {
            arguments = new ArgumentList([Postfix(Primary())], [], null, null);
        }

        return new TestExpression(line, value, name, arguments, negated);
    }

    private string DottedName()
    {
        var name = Expect(TokenKind.Name).Value;
        while (TakeIf("."))
        {
            name += "." + Expect(TokenKind.Name).Value;
        }

        return name;
    }
}
