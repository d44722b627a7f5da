using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>
/// Qwen3 (Yang et al. 2025): RMSNorm over each head of queries and keys, no biases unless attention_bias says so, head_dim 128 unless
/// given.
/// </summary>
internal sealed class Qwen3Family : Qwen2Family
{
    public override string CausalArchitecture => "Qwen3ForCausalLM";

    public override TransformerConfig Read(ConfigFields fields) => base.Read(fields) with
    {
        HeadDim = fields.Integer("head_dim") ?? 128,
        AttentionBias = fields.Flag("attention_bias") ?? false,
    };

    public override Architecture Architecture(TransformerConfig config) => base.Architecture(config) with
    {
        QueryKeyNorm = true,
        QueryKeyValueBias = config.AttentionBias,
        OutputBias = config.AttentionBias,
    };

    protected override void WriteOwn(TransformerConfig config, JsonObject json)
    {
        base.WriteOwn(config, json);
        json["attention_bias"] = config.AttentionBias;
    }
}
