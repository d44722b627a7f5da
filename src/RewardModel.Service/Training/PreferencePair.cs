namespace RewardModel.Service.Training;

/// <summary>One comparison as tokens.</summary>
/// <param name="Prompt">Prompt tokens.</param>
/// <param name="Chosen">The preferred completion, EOS included where it ended with one; of a tie, either.</param>
/// <param name="Rejected">The other completion.</param>
/// <param name="IsTie">Whether the annotator saw no difference.</param>
/// <param name="Margin">By how much the preferred score should lead, for graded preferences. Not used for ties.</param>
public sealed record PreferencePair(int[] Prompt, int[] Chosen, int[] Rejected, bool IsTie = false, double Margin = 0)
{
    /// <summary>P(the first completion is the better one), the label of the loss: 1, or ½ for a tie.</summary>
    public double ChosenProbability => IsTie ? 0.5 : 1.0;
}
