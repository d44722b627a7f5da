namespace RewardModel.Service.Training;

/// <summary>What a reward model learns from rankings with.</summary>
public enum RewardLossType
{
    /// <summary>−log σ of score differences (Bradley and Terry 1952); every comparison counts the same. A tie is a label of ½.</summary>
    BradleyTerry,

    /// <summary>
    /// The same on all comparisons of a ranking, each 1/(K choose 2): every ranking counts the same, and each completion passes the model
    /// once (Ouyang et al. 2022, equation 1). With K = 2 it is bradley_terry.
    /// </summary>
    KWise,

    /// <summary>The likelihood of the whole order, best first (Plackett 1975, Luce 1959). Knows no ties. With K = 2 it is bradley_terry.</summary>
    PlackettLuce,

    /// <summary>Bradley–Terry with ties as a third outcome (Davidson 1970), weighted as k_wise.</summary>
    Davidson,
}

/// <summary>What a label counts for.</summary>
public enum LabelWeights
{
    /// <summary>All labels count the same.</summary>
    Uniform,

    /// <summary>A label counts as much as annotators agreed on it: the share of them who gave it. One label where nobody counted.</summary>
    Agreement,
}
