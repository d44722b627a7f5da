using System.Text.Json.Nodes;

namespace Rlhf.Modeling.Transformer.Families;

/// <summary>Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on q, k and v, and a sliding window in the upper blocks.</summary>
internal class Qwen2Family : LlamaFamily
{
    public override string CausalArchitecture => "Qwen2ForCausalLM";

    public override TransformerConfig Read(ConfigFields fields) => ReadWindow(fields, base.Read(fields)) with
    {
        AttentionBias = false,
        MlpBias = false,
    };

    public override Architecture Architecture(TransformerConfig config) => base.Architecture(config) with
    {
        QueryKeyValueBias = true,
        OutputBias = false,
        FeedForwardBias = false,
    };

    protected static TransformerConfig ReadWindow(ConfigFields fields, TransformerConfig config) => config with
    {
        MaxPositionEmbeddings = fields.Integer("max_position_embeddings") ?? 32768,
        UseSlidingWindow = fields.Flag("use_sliding_window") ?? false,
        SlidingWindow = fields.Defines("sliding_window") ? fields.Integer("sliding_window") : 4096,
        MaxWindowLayers = fields.Integer("max_window_layers") ?? 28,
        LayerTypes = fields.Texts("layer_types"),
    };

    protected override void WriteOwn(TransformerConfig config, JsonObject json)
    {
        json["use_sliding_window"] = config.UseSlidingWindow;
        json["sliding_window"] = config.SlidingWindow;
        json["max_window_layers"] = config.MaxWindowLayers;
        if (config.LayerTypes is { } types)
        {
            json["layer_types"] = new JsonArray([.. types.Select(type => (JsonNode)type)]);
        }
    }
}
