using Rlhf.Cli.Commands;
using Rlhf.TestSupport;
using Rlhf.Training.Hyperparameters;

namespace Cli.Tests.Commands;

public sealed class PretrainRecipeTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Load_ShippedRecipe_DescribesTheShippedModel()
    {
        var directory = Path.Combine(SharedData.RepositoryRoot, "models", "base");
        var recipe = PretrainRecipe.Load(Path.Combine(directory, "recipe.json"));
        var config = Rlhf.Modeling.Transformer.TransformerConfig.Load(Path.Combine(directory, "config.json"));
        Assert.Equal(
            (config.HiddenSize, config.IntermediateSize, config.NumHiddenLayers, config.NumAttentionHeads, config.VocabSize),
            (recipe.Model.HiddenSize, recipe.Model.IntermediateSize, recipe.Model.NumHiddenLayers, recipe.Model.NumAttentionHeads, recipe.Model.VocabSize));
        Assert.InRange(new FileInfo(Path.Combine(directory, "model.safetensors")).Length, 1_000_000, 20_000_000);
    }

    [Fact]
    public void Load_FaultsInBothParts_ListsThemAll()
    {
        File.WriteAllText(_file, """{"model": {"vocab_size": 10, "hight": 2}, "pretraining": {"steps": "many"}, "extra": 1}""");
        var exception = Assert.Throws<HyperparametersException>(() => PretrainRecipe.Load(_file));
        Assert.Contains(exception.Faults, f => f.StartsWith("extra is unknown", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("model.hight is unknown", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("model.vocab_size is 10", StringComparison.Ordinal));
        Assert.Contains(exception.Faults, f => f.StartsWith("pretraining.steps is \"many\"", StringComparison.Ordinal));
    }
}
