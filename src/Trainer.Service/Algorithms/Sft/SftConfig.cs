using Rlhf.Training.Offline;

namespace Trainer.Service.Algorithms.Sft;

/// <summary>The hyperparameters of supervised fine-tuning.</summary>
public sealed record SftConfig : OfflineTrainingConfig;
