namespace Rlhf.Datasets.Formats;

/// <summary>All formats, what asks for more columns first.</summary>
internal static class FormatList
{
    public static IReadOnlyList<DatasetFormat> All { get; } =
    [
        ComparisonFormats.OpenAi, TreeFormat.Oasst, RankingFormat.Ranking, ComparisonFormats.AlpacaEval, LlamaFactoryFormats.Dpo, LlamaFactoryFormats.DpoAlpaca,
        LlamaFactoryFormats.Kto, LlamaFactoryFormats.KtoShareGpt, LlamaFactoryFormats.KtoAlpaca, ConversationFormats.ShareGpt, InstructionFormats.SelfInstruct, InstructionFormats.Alpaca, InstructionFormats.Gsm8k,
        TrlFormats.StepwiseSupervision, TrlFormats.UnpairedPreference, ComparisonFormats.HhRlhf, TrlFormats.Preference, TrlFormats.ImplicitPreference,
        TrlFormats.PromptCompletion, TrlFormats.LanguageModeling, TrlFormats.PromptOnly, InstructionFormats.OpenRlhf, TrlFormats.Text,
    ];
}
