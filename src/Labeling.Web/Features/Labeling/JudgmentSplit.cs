using System.Buffers.Binary;
using System.Security.Cryptography;
using Rlhf.Contracts.Labeling;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Which judgments the reward model is trained on and which it is checked with. The prompt decides, so that two comparisons of one
/// prompt never stand on both sides.
/// </summary>
public static class JudgmentSplit
{
    /// <summary>The split of every judgment about this prompt.</summary>
    /// <param name="promptId">The prompt.</param>
    /// <param name="heldOutFraction">The share of prompts that is held out, in [0, 1].</param>
    public static string Of(Guid promptId, double heldOutFraction)
    {
        Span<byte> bytes = stackalloc byte[16];
        promptId.TryWriteBytes(bytes, bigEndian: true, out _);
        var hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(bytes));

        // The upper 53 bits are exactly representable: a uniform number in [0, 1).
        return (hash >> 11) * (1.0 / (1UL << 53)) < heldOutFraction ? Splits.HeldOut : Splits.Train;
    }
}
