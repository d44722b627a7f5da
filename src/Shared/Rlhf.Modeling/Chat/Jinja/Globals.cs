namespace Rlhf.Modeling.Chat.Jinja;

/// <summary>The functions every template can call: Jinja's, and those transformers adds.</summary>
internal static class Globals
{
    public static IEnumerable<FunctionValue> All { get; } =
    [
        new("range", Range),
        new("dict", arguments =>
        {
            var dict = new DictValue();
            foreach (var (name, value) in arguments.Named)
            {
                dict[name] = value;
            }

            return dict;
        }),
        new("namespace", arguments =>
        {
            var space = new NamespaceValue();
            foreach (var item in arguments.Positional.OfType<DictValue>().SelectMany(dict => dict.Items))
            {
                space.Attributes[PythonText.Str(item.Key)] = item.Value;
            }

            foreach (var (name, value) in arguments.Named)
            {
                space.Attributes[name] = value;
            }

            return space;
        }),
        new("raise_exception", arguments => throw new JinjaException(PythonText.Str(arguments.Required(0, "message")), raised: true)),
        new("strftime_now", arguments => Formatting.Time(arguments.Interpreter.Now, arguments.Text(0, "format"))),
        new("joiner", arguments =>
        {
            var separator = arguments.Text(0, "sep", ", ");
            var used = false;
            return new FunctionValue("joiner", _ =>
            {
                var text = used ? separator : "";
                used = true;
                return text;
            });
        }),
    ];

    private static RangeValue Range(Arguments arguments)
    {
        var numbers = arguments.Positional.Select(number => number is long value ? value : throw new JinjaException("range needs integers")).ToArray();
        if (numbers.Any(number => Math.Abs((double)number) > 1e15))
        {
            throw new JinjaException("range goes to 1e15 at most");
        }

        return numbers switch
        {
            [var stop] => new RangeValue(0, stop, 1),
            [var start, var stop] => new RangeValue(start, stop, 1),
            [var start, var stop, var step and not 0] => new RangeValue(start, stop, step),
            _ => throw new JinjaException("range needs one to three integers, the third not zero"),
        };
    }
}
