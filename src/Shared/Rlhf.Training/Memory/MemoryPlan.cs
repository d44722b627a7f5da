using System.Globalization;
using System.Text;

namespace Rlhf.Training.Memory;

/// <summary>What a run will hold in memory, item by item, before anything of it is allocated.</summary>
/// <param name="Items">What, and how many bytes.</param>
public sealed record MemoryPlan(IReadOnlyList<(string Name, long Bytes)> Items)
{
    /// <summary>The sum.</summary>
    public long Total => Items.Sum(i => i.Bytes);

    /// <summary>Refuses a run that does not fit.</summary>
    /// <param name="available">Bytes the process may still take.</param>
    /// <exception cref="MemoryPlanException">If the sum is larger; the message has every item and the sum.</exception>
    public void Require(long available)
    {
        if (Total > available)
        {
            throw new MemoryPlanException(
                $"The run needs about {Size(Total)}, but {Size(available)} are available:\n{this}"
                + "\nSmaller are: a micro_batch_size, gradient_checkpointing, LoRA (--lora-r), shorter texts, no ema_decay. --no-memory-check starts it all the same.");
        }
    }

    /// <summary>One line for every item, and the sum.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (name, bytes) in Items.Where(i => i.Bytes > 0).Append(("total (estimate)", Total)))
        {
            text.Append(CultureInfo.InvariantCulture, $"  {name,-24} {Size(bytes),12}\n");
        }

        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Bytes as a person reads them.</summary>
    public static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F2} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F1} MiB");
}
