using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Rlhf.TaskFamilies;

/// <summary>
/// Divides prompts into training and held-out ones by their text alone, so that every program, today or next year, agrees
/// which prompts no model may be trained on.
/// </summary>
public static class PromptSplit
{
    /// <summary>The share of prompts that is held out unless something else is asked for.</summary>
    public const double DefaultFraction = 0.1;

    /// <summary>
    /// Whether the prompt belongs to the held-out part: the first eight bytes of the SHA-256 of its UTF-8 text, read as a
    /// fraction of 2^64, lie below <paramref name="fraction"/>. A larger fraction holds out a superset.
    /// </summary>
    /// <param name="text">The instruction (<see cref="TaskPrompt.Text"/>).</param>
    /// <param name="fraction">The share to hold out, in [0, 1].</param>
    /// <exception cref="ArgumentOutOfRangeException">If the fraction is outside [0, 1].</exception>
    public static bool IsHeldOut(string text, double fraction = DefaultFraction)
    {
        if (!(fraction is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The held-out fraction must lie in [0, 1].");
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        // 53 bits are what a double holds exactly, so fraction 1 holds out everything and 0 nothing.
        return (BinaryPrimitives.ReadUInt64BigEndian(hash) >> 11) * (1.0 / (1UL << 53)) < fraction;
    }
}
