using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Rlhf.Torch.Tests;

// Expected values: five steps in python3-torch 1.13.1 of
//   p = nn.Parameter(tensor([1., -2., .5])); q = nn.Parameter(tensor([[.3, .7]]))
//   loss = (p**2).sum() * q.sum() + (q**3).sum()
public sealed class OptimizerTests
{
    [Fact]
    public void AdamW_AllOptions_StepsAsPython() => Check(
        // AdamW([p, q], lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)
        (p, q) => optim.AdamW([p, q], 0.1, 0.8, 0.95, 1e-6, 0.1),
        [0.51758647, -1.45982945, 0.0635743588],
        [-0.186735392, 0.196756333]);

    [Fact]
    public void AdamW_Defaults_DecayNothing() => Check(
        // AdamW([p, q], weight_decay=0): TorchSharp's default is 0, Python's 0.01
        (p, q) => optim.AdamW([p, q]),
        [0.995001256, -1.99500108, 0.495001763],
        [0.295000732, 0.695000768]);

    [Fact]
    public void AdamW_Amsgrad_StepsAsPython() => Check(
        (p, q) => optim.AdamW([p, q], 0.1, amsgrad: true),
        [0.54219085, -1.53468537, 0.0611975268],
        [-0.188662231, 0.213610485]);

    [Fact]
    public void AdamW_Maximize_GoesUp() => Check(
        (p, q) => optim.AdamW([p, q], 0.1, maximize: true),
        [1.49888313, -2.50051093, 0.99522382],
        [0.801832616, 1.20182073]);

    [Fact]
    public void AdamW_Groups_HaveTheirOwnOptions() => Check(
        // AdamW([{'params': [p], 'lr': 0.01}, {'params': [q], 'weight_decay': 0.5}], lr=0.1, weight_decay=0)
        (p, q) => optim.AdamW(
            [
                new AdamW.ParamGroup([p], new AdamW.Options { LearningRate = 0.01 }),
                new AdamW.ParamGroup([q], new AdamW.Options { weight_decay = 0.5 }),
            ],
            0.1),
        [0.954334021, -1.95427644, 0.454451621],
        [-0.218966812, 0.0934205726]);

    [Fact]
    public void Sgd_Plain_StepsAsPython() => Check(
        (p, q) => optim.SGD([p, q], 0.05),
        [0.989857674, -1.97971535, 0.494928837],
        [-0.885585129, -0.494928449]);

    [Fact]
    public void Sgd_Momentum_StepsAsPython() => Check(
        // SGD([p, q], lr=0.02, momentum=0.9, dampening=0.1, weight_decay=0.01)
        (p, q) => optim.SGD([p, q], 0.02, 0.9, 0.1, 0.01),
        [0.747494936, -1.49498987, 0.373747468],
        [-0.866523683, -0.617933214]);

    [Fact]
    public void Sgd_Nesterov_StepsAsPython() => Check(
        (p, q) => optim.SGD([p, q], 0.02, 0.9, nesterov: true),
        [0.877523839, -1.75504768, 0.43876192],
        [-1.28912544, -0.970802426]);

    [Fact]
    public void ClipGradNorm_AboveTheMaximum_ScalesAllGradients()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        Loss(p, q).backward();

        // torch.nn.utils.clip_grad_norm_([p, q], 1.5)
        var norm = nn.utils.clip_grad_norm_([p, q], 1.5);

        Assert.Equal(9.829994201660156, norm, 5);
        Numbers.Close([0.305188358, -0.610376716, 0.152594179], p.grad!);
        Numbers.Close([0.842319846, 1.02543283], q.grad!);
    }

    [Fact]
    public void ClipGradNorm_BelowTheMaximum_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        Loss(p, q).backward();
        var before = Numbers.Of(p.grad!);

        nn.utils.clip_grad_norm_([p, q], 100);

        Assert.Equal(before, Numbers.Of(p.grad!));
    }

    [Fact]
    public void ClipGradValue_Elements_AreLimited()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        Loss(p, q).backward();

        nn.utils.clip_grad_value_([p, q], 1.5);

        // Gradients of p: 2 p (0.3 + 0.7) = [2, -4, 1].
        Numbers.Close([1.5, -1.5, 1], p.grad!);
    }

    [Fact]
    public void ZeroGrad_KeepsTheGradientsAsZeros()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        using var optimizer = optim.AdamW([p, q]);
        Loss(p, q).backward();

        optimizer.zero_grad();

        Numbers.Close([0, 0, 0], p.grad!);
    }

    [Fact]
    public void Step_WithoutGradient_LeavesTheParameterAlone()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        using var optimizer = optim.AdamW([p, q], 0.1, weight_decay: 0.5);
        p.pow(2).sum().backward();

        optimizer.step();

        Numbers.Close([0.3, 0.7], q);
    }

    [Fact]
    public void StateDict_LoadedIntoAnotherOptimizer_ContinuesAlike()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        using var first = optim.AdamW([p, q], 0.1);
        Run(first, p, q, 3);
        var (p2, q2) = (nn.Parameter(p.detach().clone()), nn.Parameter(q.detach().clone()));
        using var second = optim.AdamW([p2, q2], 0.7);

        second.load_state_dict(first.state_dict());
        Run(first, p, q, 2);
        Run(second, p2, q2, 2);

        Assert.Equal(Numbers.Of(p), Numbers.Of(p2));
        Assert.Equal(Numbers.Of(q), Numbers.Of(q2));
    }

    [Fact]
    public void LoadStateDict_OfAnotherShape_Throws()
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        using var both = optim.AdamW([p, q]);
        using var one = optim.AdamW([p]);

        Assert.Throws<ArgumentException>(() => one.load_state_dict(both.state_dict()));
    }

    [Theory]
    [InlineData(-1, 0.9)]
    [InlineData(0.1, 1)]
    public void AdamW_OptionsOutOfRange_Throws(double lr, double beta1)
    {
        using var scope = NewDisposeScope();
        var (p, _) = Parameters();

        Assert.Throws<ArgumentException>(() => optim.AdamW([p], lr, beta1));
    }

    [Fact]
    public void AdamW_TheSameParameterTwice_Throws()
    {
        using var scope = NewDisposeScope();
        var (p, _) = Parameters();

        Assert.Throws<ArgumentException>(() => optim.AdamW([p, p]));
    }

    [Fact]
    public void Schedules_LearningRates_AreThoseOfPython()
    {
        using var scope = NewDisposeScope();
        var (p, _) = Parameters();

        // lr_scheduler.CosineAnnealingLR(SGD([p], lr=0.1), 10, eta_min=0.01) and LinearLR(SGD([p], lr=0.1), 0.25, 1.0, 4)
        Assert.Equal(
            [0.1, 0.09779754323328192, 0.09140576474687263, 0.08145033635316129, 0.06890576474687264],
            Rates(optimizer => optim.lr_scheduler.CosineAnnealingLR(optimizer, 10, 0.01), p, 5),
            (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(
            [0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.1],
            Rates(optimizer => optim.lr_scheduler.LinearLR(optimizer, 0.25, 1.0, 4), p, 6),
            (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(
            [0.1, 0.05, 0.025],
            Rates(optimizer => optim.lr_scheduler.LambdaLR(optimizer, step => Math.Pow(0.5, step)), p, 3),
            (a, b) => Math.Abs(a - b) < 1e-12);
    }

    private static List<double> Rates(Func<optim.Optimizer, optim.lr_scheduler.LRScheduler> schedule, Parameter parameter, int steps)
    {
        using var optimizer = optim.SGD([parameter], 0.1);
        var scheduler = schedule(optimizer);
        List<double> rates = [];
        for (var i = 0; i < steps; i++)
        {
            rates.Add(scheduler.get_last_lr().Single());
            scheduler.step();
        }

        return rates;
    }

    private static void Check(Func<Parameter, Parameter, optim.Optimizer> make, double[] expectedP, double[] expectedQ)
    {
        using var scope = NewDisposeScope();
        var (p, q) = Parameters();
        using var optimizer = make(p, q);

        Run(optimizer, p, q, 5);

        Numbers.Close(expectedP, p, 5e-6);
        Numbers.Close(expectedQ, q, 5e-6);
    }

    private static void Run(optim.Optimizer optimizer, Parameter p, Parameter q, int steps)
    {
        for (var i = 0; i < steps; i++)
        {
            optimizer.zero_grad();
            Loss(p, q).backward();
            optimizer.step();
        }
    }

    private static (Parameter P, Parameter Q) Parameters() =>
        (nn.Parameter(tensor(new[] { 1f, -2f, 0.5f })), nn.Parameter(tensor(new[,] { { 0.3f, 0.7f } })));

    private static Tensor Loss(Tensor p, Tensor q) => (p.pow(2).sum() * q.sum()) + q.pow(3).sum();
}
