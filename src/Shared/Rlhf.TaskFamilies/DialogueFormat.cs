namespace Rlhf.TaskFamilies;

/// <summary>The layout of a dialogue, as in HH-RLHF (Bai et al. 2022): base model, policy and reward model read the same text.</summary>
public static class DialogueFormat
{
    /// <summary>What the model is given: two line breaks, the human turn, and the cue for the answer.</summary>
    public static string Prompt(string instruction) => $"\n\nHuman: {instruction}\n\nAssistant:";

    /// <summary>What follows the prompt: a space and the answer. The end-of-text token is added by whoever encodes.</summary>
    public static string Answer(string answer) => " " + answer;

    /// <summary>Prompt and answer together.</summary>
    public static string Dialogue(string instruction, string answer) => Prompt(instruction) + Answer(answer);
}
