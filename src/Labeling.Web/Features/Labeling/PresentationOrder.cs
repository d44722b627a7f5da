using System.Buffers.Binary;
using System.Security.Cryptography;
using Rlhf.Numerics;

namespace Labeling.Web.Features.Labeling;

/// <summary>
/// Which of the two answers stands on the left. Decided on the server from (annotator, task): the same on every reload, different
/// between annotators, so that a preference for one side cannot become a preference for one answer.
/// </summary>
public static class PresentationOrder
{
    /// <summary>True if answer B is presented first.</summary>
    public static bool IsSwapped(Guid annotatorId, Guid taskId)
    {
        Span<byte> ids = stackalloc byte[32];
        annotatorId.TryWriteBytes(ids, bigEndian: true, out _);
        taskId.TryWriteBytes(ids[16..], bigEndian: true, out _);
        var hash = SHA256.HashData(ids);
        return new Philox(BinaryPrimitives.ReadUInt64BigEndian(hash)).Chance(0.5);
    }
}
