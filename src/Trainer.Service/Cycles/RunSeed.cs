using System.Security.Cryptography;
using System.Text;

namespace Trainer.Service.Cycles;

/// <summary>The seed of a run, derived from the project's: the same project replayed gives the same weights.</summary>
public static class RunSeed
{
    /// <summary>The first eight bytes of SHA-256 over (project seed, cycle number, kind), as a non-negative number.</summary>
    public static long Derive(long projectSeed, int cycle, string kind) =>
        BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{projectSeed}/{cycle}/{kind}"))) & long.MaxValue;
}
