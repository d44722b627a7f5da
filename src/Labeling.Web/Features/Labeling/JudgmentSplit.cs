using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Which judgments the reward model is trained on and which it is checked with. The prompt decides, so that two comparisons of one
/// prompt never stand on both sides.
/// </summary>
public static class JudgmentSplit
{
    /// <summary>The split of every judgment about this prompt.</summary>
    /// <param name="promptHash">The prompt's <see cref="Rlhf.Data.Entities.Prompt.ContentHash"/>: the text decides and not its row, so a project made again splits the same way.</param>
    /// <param name="heldOutFraction">The share of prompts that is held out, in [0, 1].</param>
    public static string Of(string promptHash, double heldOutFraction)
    {
        // Hashed again under a name of its own: the text's hash already decides which prompts are never trained on.
        var hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes("judgment/" + promptHash)));

        // The upper 53 bits are exactly representable: a uniform number in [0, 1).
        return (hash >> 11) * (1.0 / (1UL << 53)) < heldOutFraction ? Splits.HeldOut : Splits.Train;
    }
}
