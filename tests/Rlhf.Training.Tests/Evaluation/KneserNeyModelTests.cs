using Rlhf.Numerics;
using Rlhf.Training.Evaluation.LanguageModeling;

namespace Rlhf.Training.Tests.Evaluation;

public sealed class KneserNeyModelTests
{
    [Fact]
    public void Probability_Bigrams_AsByHand()
    {
        // Vocabulary {0, 1, 2}; one document 0 1 0 2. With # for its beginning the bigrams are #0, 01, 10, 02, each once: n1 = 4, n2 = 0, so D = 1/2.
        // Different tokens before 0: {#, 1} = 2, before 1: {0} = 1, before 2: {0} = 1; 4 in all. n1 = 2, n2 = 1, so D = 2 / (2 + 2) = 1/2.
        var model = KneserNeyModel.Train([[0, 1, 0, 2]], vocabSize: 3, order: 2);
        Assert.Equal([0.5, 0.5, 0.5], model.Discounts(1));
        Assert.Equal([0.5, 0.5, 0.5], model.Discounts(2));

        // P(0) = (2 − ½)/4 + γ·1/3, P(1) = P(2) = (1 − ½)/4 + γ·1/3, γ = 3·½/4 = 3/8: 1/2, 1/4, 1/4.
        // Context 0 was followed by 1 and 2, once each: P(1|0) = (1 − ½)/2 + (2·½/2)·¼ = 3/8, P(0|0) = ½·½ = 1/4.
        Assert.Equal(3.0 / 8, model.Probability([0], 1), 12);
        Assert.Equal(1.0 / 4, model.Probability([0], 0), 12);

        // The beginning was followed by 0 only: P(0|#) = (1 − ½)/1 + ½·½ = 3/4. After 2 nothing was seen: P(·|2) = P(·).
        Assert.Equal(3.0 / 4, model.Probability([], 0), 12);
        Assert.Equal(1.0 / 2, model.Probability([0, 1, 0, 2], 0), 12);
        Assert.Equal(-Math.Log(3.0 / 4 * 3 / 8), model.Nats([0, 1]), 12);
    }

    [Fact]
    public void Discounts_EnoughCounts_AreThoseOfEquation26()
    {
        // Unigram model over counts 1,1,1,2,2,3,4: n1..n4 = 3,2,1,1. Y = 3/(3+4) = 3/7; D1 = 1 − 2·3/7·2/3 = 3/7; D2 = 2 − 3·3/7·1/2 = 19/14; D3 = 3 − 4·3/7·1 = 9/7.
        int[] document = [0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6];
        var model = KneserNeyModel.Train([document], vocabSize: 7, order: 1);

        Assert.Equal(3.0 / 7, model.Discounts(1)[0], 12);
        Assert.Equal(19.0 / 14, model.Discounts(1)[1], 12);
        Assert.Equal(9.0 / 7, model.Discounts(1)[2], 12);

        // P(6) = (4 − 9/7)/14 + (3·3/7 + 2·19/14 + 2·9/7)/14 · 1/7.
        Assert.Equal(((4 - (9.0 / 7)) / 14) + (((9.0 / 7) + (19.0 / 7) + (18.0 / 7)) / 14 / 7), model.Probability([], 6), 12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Probability_AnyHistory_SumsToOne(int order)
    {
        var random = new Philox(7);
        var documents = Enumerable.Range(0, 60).Select(_ => Enumerable.Range(0, 1 + random.Next(20)).Select(_ => Math.Min(random.Next(11), random.Next(11))).ToArray()).ToArray();
        var model = KneserNeyModel.Train(documents, vocabSize: 12, order);

        // Token 11 was never seen.
        int[][] histories = [[], [0], [11], .. documents.Select(d => d[..(d.Length / 2)])];
        Assert.All(histories, h => Assert.Equal(1, Enumerable.Range(0, 12).Sum(t => model.Probability(h, t)), 10));
        Assert.All(histories, h => Assert.True(model.Probability(h, 11) > 0));
    }

    [Fact]
    public void Nats_LongerContext_PredictsARepeatingTextBetter()
    {
        int[][] text = [.. Enumerable.Repeat<int[]>([0, 1, 2, 0, 2, 1], 20)];
        var nats = Enumerable.Range(1, 3).Select(n => KneserNeyModel.Train(text, 3, n).Nats(text[0])).ToArray();
        Assert.True(nats[0] > nats[1] && nats[1] > nats[2]);
    }

    [Fact]
    public void Train_TooManyNgrams_IsRefused() => Assert.Contains(
        "more than 3 different n-grams", Assert.Throws<InvalidDataException>(() => KneserNeyModel.Train([[0, 1, 2, 3]], 4, 2, maxNgrams: 3)).Message, StringComparison.Ordinal);

    [Fact]
    public void Train_TokenOutsideTheVocabulary_IsRefused() => Assert.Throws<ArgumentException>(() => KneserNeyModel.Train([[0, 4]], 4, 2));
}
