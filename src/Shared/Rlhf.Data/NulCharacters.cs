using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Rlhf.Data;

/// <summary>
/// Stores U+0000 as U+FFFD, the replacement character, on either database. PostgreSQL's text cannot hold it (its documentation, "Character Types"), and a
/// model's answer, an imported file or the message of an error may contain it: each of them would be refused for good.
/// </summary>
public sealed class NulCharacters : DbCommandInterceptor
{
    /// <summary>For every context of either provider.</summary>
    public static NulCharacters Replaced { get; } = new();

    /// <inheritdoc/>
    public override DbCommand CommandInitialized(CommandEndEventData eventData, DbCommand result)
    {
        ArgumentNullException.ThrowIfNull(result);
        foreach (DbParameter parameter in result.Parameters)
        {
            if (parameter.Value is string text && text.Contains('\0', StringComparison.Ordinal))
            {
                parameter.Value = text.Replace('\0', '\uFFFD');
            }
        }

        return result;
    }
}
