using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Rlhf.Hosting;

/// <summary>What is to be done once a context's changes are committed, and not if they are given up: counting them.</summary>
public sealed class AfterCommit : SaveChangesInterceptor, IDbTransactionInterceptor
{
    private static readonly ConditionalWeakTable<DbContext, List<Action>> s_pending = [];

    /// <summary>Does it after the commit of the transaction the context is in or, without one, after its next save. Contexts of <c>AddRlhfData</c> only.</summary>
    /// <param name="db">The context with the changes.</param>
    /// <param name="action">Must not throw.</param>
    public static void Do(DbContext db, Action action)
    {
        ArgumentNullException.ThrowIfNull(db);
        s_pending.GetValue(db, _ => []).Add(action);
    }

    /// <inheritdoc/>
    public override int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        RunIfCommitted(eventData.Context);
        return result;
    }

    /// <inheritdoc/>
    public override ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        RunIfCommitted(eventData.Context);
        return new(result);
    }

    /// <inheritdoc/>
    public void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => Run(eventData.Context);

    /// <inheritdoc/>
    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Run(eventData.Context);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void TransactionRolledBack(DbTransaction transaction, TransactionEndEventData eventData) => Forget(eventData.Context);

    /// <inheritdoc/>
    public Task TransactionRolledBackAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Forget(eventData.Context);
        return Task.CompletedTask;
    }

    private static void RunIfCommitted(DbContext? context)
    {
        if (context?.Database.CurrentTransaction is null)
        {
            Run(context);
        }
    }

    private static void Run(DbContext? context)
    {
        if (context is not null && s_pending.TryGetValue(context, out var actions))
        {
            s_pending.Remove(context);
            actions.ForEach(action => action());
        }
    }

    private static void Forget(DbContext? context)
    {
        if (context is not null)
        {
            s_pending.Remove(context);
        }
    }
}
