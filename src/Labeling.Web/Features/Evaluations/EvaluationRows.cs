using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Evaluations;

/// <summary>A result with the version of its checkpoint and of the one it was compared with.</summary>
public sealed record EvaluationRow(EvaluationResult Result, int CheckpointVersion, int? BaselineVersion);

/// <summary>A checkpoint's place among those of its project.</summary>
/// <param name="Checkpoint">The checkpoint.</param>
/// <param name="Rating">Its Bradley–Terry rating.</param>
/// <param name="Low">Lower end of the rating's 95 % bootstrap interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="Elo">Its Elo rating after the same games in a drawn order.</param>
/// <param name="Games">Games it took part in.</param>
public sealed record LeaderboardRow(Checkpoint Checkpoint, double Rating, double Low, double High, double Elo, int Games);

/// <summary>How often people preferred one checkpoint's answers to another's in blind comparisons.</summary>
/// <param name="Version">The later checkpoint.</param>
/// <param name="BaselineVersion">The earlier one.</param>
/// <param name="Judge">Who judged: a source of judgments, "human" or "simulated".</param>
/// <param name="WinRate">Share of judgments for the later one's answer; ties count half.</param>
/// <param name="Low">Lower end of its 95 % interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="LengthControlled">The same with lengths controlled; null below ten judgments.</param>
/// <param name="Judgments">Judgments behind it.</param>
/// <param name="Open">Comparisons of the two that still wait for judgments.</param>
public sealed record HumanComparison(int Version, int BaselineVersion, string Judge, double WinRate, double Low, double High, double? LengthControlled, int Judgments, int Open);
