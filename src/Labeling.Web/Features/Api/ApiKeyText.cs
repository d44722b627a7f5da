using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Rlhf.Data.Entities;

namespace Labeling.Web.Features.Api;

/// <summary>
/// The text of an API key: <c>rlhf_&lt;id&gt;_&lt;secret&gt;</c>, the id as 32 and the secret (256 random bits) as 64 lower-case hexadecimal digits.
/// The prefix lets scanners for leaked secrets find it; the id finds the row without a search over hashes.
/// </summary>
internal static class ApiKeyText
{
    private const string Prefix = "rlhf_";
    private const int IdLength = 32;
    private const int SecretLength = 64;

    public static string NewSecret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretLength / 2));

    public static string Format(Guid id, string secret) => $"{Prefix}{id:N}_{secret}";

    public static bool TryParse(string text, out Guid id, [NotNullWhen(true)] out string? secret)
    {
        (id, secret) = (default, null);
        if (text.Length != Prefix.Length + IdLength + 1 + SecretLength || !text.StartsWith(Prefix, StringComparison.Ordinal)
            || text[Prefix.Length + IdLength] != '_' || !Guid.TryParseExact(text.AsSpan(Prefix.Length, IdLength), "N", out id))
        {
            return false;
        }

        secret = text[^SecretLength..];
        return true;
    }

    /// <summary>What is stored of a secret, see <see cref="ApiKey.SecretHash"/>.</summary>
    public static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Compares in a time that does not depend on where the first difference is.</summary>
    public static bool Matches(string secret, string secretHash) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash(secret)), Encoding.ASCII.GetBytes(secretHash));
}
