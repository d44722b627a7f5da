using System.Text.Json;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests.Operators;

public sealed class OperatorTests
{
    private static readonly Dictionary<string, OperatorCase> cases = new IEnumerable<OperatorCase>[]
    {
        ArithmeticCases.All, InPlaceCases.All, UnaryCases.All, ComparisonCases.All, ReductionCases.All,
        ShapeCases.All, IndexingCases.All, LinearAlgebraCases.All, FunctionalCases.All, TypesCases.All,
    }.SelectMany(group => group).ToDictionary(item => item.Python);

    public static TheoryData<string> Expressions => [.. cases.Keys];

    [Theory]
    [MemberData(nameof(Expressions))]
    public void Operator_Expression_GivesPythonsNumbers(string python)
    {
        var item = cases[python];
        using var scope = NewDisposeScope();

        var result = item.Facade(new OperatorInputs());

        Assert.Equal(item.Type, result.dtype);
        Assert.Equal(item.Shape, result.shape);
        Numbers.Close(item.Expected, result);
    }

    [Fact]
    public void Operators_AgainstInstalledPython_Agree()
    {
        var program =
            OperatorInputs.Python + "\nimport json\nout = {}\nfor e in json.load(open(0)):\n    r = eval(e)\n" +
            "    out[e] = [str(r.dtype), list(r.shape), [str(n) for n in r.double().flatten().tolist()]]\nprint(json.dumps(out))\n";
        var answers = PythonTorch.Run(program, JsonSerializer.Serialize(cases.Keys));

        foreach (var item in cases.Values)
        {
            using var scope = NewDisposeScope();
            var answer = answers.GetProperty(item.Python);
            var result = item.Facade(new OperatorInputs());
            Assert.Equal(answer[1].EnumerateArray().Select(size => size.GetInt64()), result.shape);
            Numbers.Close([.. answer[2].EnumerateArray().Select(Numbers.FromPython)], result);
        }
    }
}
