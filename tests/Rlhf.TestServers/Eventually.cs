using System.Diagnostics;

namespace Rlhf.TestServers;

/// <summary>Waits for a condition by asking again; fails when it does not come true.</summary>
public static class Eventually
{
    /// <summary>Waits until the condition holds, at most five minutes.</summary>
    /// <param name="condition">Asked every few milliseconds.</param>
    /// <param name="what">Says in the failure what did not come true.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(5), $"did not come true within five minutes: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{Task{bool}}, string)"/>
    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(() => Task.FromResult(condition()), what);
}
