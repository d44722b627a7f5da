namespace Rlhf.TaskFamilies.Text;

/// <summary>Something whose texts are made from known phrases; the lexicon is collected from them.</summary>
internal interface IPhraseSource
{
    /// <summary>All templates and slot values.</summary>
    IEnumerable<string> Phrases { get; }
}
