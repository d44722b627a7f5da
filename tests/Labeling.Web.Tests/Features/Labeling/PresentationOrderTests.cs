using Labeling.Web.Features.Labeling;

namespace Labeling.Web.Tests.Features.Labeling;

public sealed class PresentationOrderTests
{
    [Fact]
    public void IsSwapped_SameAnnotatorAndTask_IsTheSame()
    {
        var (annotator, task) = (Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal(PresentationOrder.IsSwapped(annotator, task), PresentationOrder.IsSwapped(annotator, task));
    }

    // 1000 fair coins: mean 500, standard deviation 15.8; the bounds are six of them away.
    [Fact]
    public void IsSwapped_ManyTasksOrManyAnnotators_IsAFairCoin()
    {
        var fixedId = new Guid(1, 2, 3, new byte[8]);
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => PresentationOrder.IsSwapped(fixedId, new Guid(i, 0, 0, new byte[8]))), 405, 595);
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => PresentationOrder.IsSwapped(new Guid(i, 0, 0, new byte[8]), fixedId)), 405, 595);
    }
}
