using Rlhf.Numerics;
using Rlhf.Training.Checkpointing;
using Rlhf.Training.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Rlhf.Training.Tests.Checkpointing;

public sealed class TrainingStateStoreTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rlhf-state-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Load_SavedState_GivesEverythingBackBitForBit()
    {
        using var scope = NewDisposeScope();
        var random = new Philox(5, 6);
        random.NextDouble();
        var store = new TrainingStateStore(_directory);
        using (var state = new TrainingState(7, """{"a":1}"""))
        {
            state.Add("weights", tensor(new float[] { 1f / 3, float.Epsilon, -0f }, [3]));
            state.Add("counts", tensor(new long[] { long.MaxValue, -1 }, [1, 2]));
            state.Add("random", random);
            state.Numbers["coefficient"] = Math.PI;
            state.Numbers["not_a_number"] = double.NaN;
            state.Counters["cursor"] = ulong.MaxValue;
            state.History.Add(new TrainingProgress(7, 9, new Dictionary<string, double> { ["train/loss"] = 0.1, ["eval/loss"] = double.NaN }));
            store.Save(state);
        }

        var warnings = new List<string>();
        using var loaded = store.LoadLatest("""{"a":1}""", warnings.Add)!;

        Assert.Equal(7, loaded.Step);
        Assert.Equal([1f / 3, float.Epsilon, -0f], loaded.Tensors["weights"].data<float>().ToArray());
        Assert.Equal([1L, 2], loaded.Tensors["counts"].shape);
        Assert.Equal([long.MaxValue, -1], loaded.Tensors["counts"].data<long>().ToArray());
        Assert.Equal(Math.PI, loaded.Number("coefficient"));
        Assert.True(double.IsNaN(loaded.Number("not_a_number")));
        Assert.Equal(ulong.MaxValue, loaded.Counter("cursor"));
        Assert.Equal(0.1, loaded.History.Single().Metrics["train/loss"]);
        var continued = new Philox(5, 6);
        loaded.Restore("random", continued);
        Assert.Equal(random.NextDouble(), continued.NextDouble());
        Assert.Empty(warnings);
    }

    [Fact]
    public void Load_NothingSaved_IsNull() => Assert.Null(new TrainingStateStore(Path.Combine(_directory, "none")).LoadLatest("{}"));

    [Fact]
    public void Save_ThirdState_KeepsTheNewestTwo()
    {
        var store = new TrainingStateStore(_directory);
        foreach (var step in new[] { 9, 10, 100 })
        {
            Save(store, step);
        }

        Assert.Equal(["state-000000010", "state-000000100"], Directory.GetDirectories(_directory).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("tensors.safetensors")]
    [InlineData("state.json")]
    [InlineData("SHA256SUMS")]
    public void Load_NewestDamaged_UsesThePreviousAndWarns(string file)
    {
        var store = new TrainingStateStore(_directory);
        Save(store, 1);
        Save(store, 2);
        var path = Path.Combine(_directory, "state-000000002", file);
        var bytes = File.ReadAllBytes(path);
        bytes[^2] ^= 1;
        File.WriteAllBytes(path, bytes);
        var warnings = new List<string>();

        using var loaded = store.LoadLatest("{}", warnings.Add)!;

        Assert.Equal(1, loaded.Step);
        Assert.Contains("state-000000002", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NewestWithoutAFile_UsesThePreviousAndWarns()
    {
        var store = new TrainingStateStore(_directory);
        Save(store, 1);
        Save(store, 2);
        File.Delete(Path.Combine(_directory, "state-000000002", "tensors.safetensors"));
        var warnings = new List<string>();

        using var loaded = store.LoadLatest("{}", warnings.Add)!;

        Assert.Equal(1, loaded.Step);
        Assert.Single(warnings);
    }

    [Fact]
    public void Load_LeftoverOfAnInterruptedSave_IsIgnored()
    {
        var store = new TrainingStateStore(_directory);
        Save(store, 1);
        Directory.CreateDirectory(Path.Combine(_directory, ".state-000000002.partial"));

        using var loaded = store.LoadLatest("{}")!;

        Assert.Equal(1, loaded.Step);
        Save(store, 2);
        Assert.Equal(["state-000000001", "state-000000002"], Directory.GetDirectories(_directory).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Load_OtherHyperparameters_IsRefused()
    {
        var store = new TrainingStateStore(_directory);
        Save(store, 1);

        var exception = Assert.Throws<TrainingStateException>(() => store.LoadLatest("""{"epochs":2}"""));

        Assert.Contains("other hyperparameters", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Restore_ModuleOfAnotherShape_NamesTheTensor()
    {
        using var scope = NewDisposeScope();
        using var state = new TrainingState(3, "{}");
        state.Add("model", nn.Linear(2, 3, hasBias: false));

        var shape = Assert.Throws<TrainingStateException>(() => state.Restore("model", nn.Linear(2, 4, hasBias: false)));
        var missing = Assert.Throws<TrainingStateException>(() => state.Restore("model", nn.Linear(2, 3, hasBias: true)));

        Assert.Contains("model.weight", shape.Message, StringComparison.Ordinal);
        Assert.Contains("model.bias", missing.Message, StringComparison.Ordinal);
    }

    private static void Save(TrainingStateStore store, int step)
    {
        using var scope = NewDisposeScope();
        using var state = new TrainingState(step, "{}");
        state.Add("weights", tensor(new float[] { step }));
        store.Save(state);
    }
}
