using System.Globalization;

namespace Rlhf.Torch.Extensions.Distributed;

/// <summary>This process's place among those that train together, as torchrun tells it in environment variables.</summary>
/// <param name="Rank">RANK: its number, from 0.</param>
/// <param name="WorldSize">WORLD_SIZE: how many there are.</param>
/// <param name="LocalRank">LOCAL_RANK: its number on this machine; RANK where it is not set.</param>
/// <param name="MasterAddress">MASTER_ADDR: where rank 0 is reached.</param>
/// <param name="MasterPort">MASTER_PORT: the port rank 0 listens on.</param>
/// <param name="Timeout">RLHF_DISTRIBUTED_TIMEOUT, in seconds: how long a collective waits for the others. Default 1,800, as torch.distributed's.</param>
/// <param name="NetworkInterface">GLOO_SOCKET_IFNAME: the network interface to be reached at; empty for the one the host name stands for.</param>
public sealed record RankEnvironment(
    int Rank, int WorldSize, int LocalRank, string MasterAddress, int MasterPort, TimeSpan Timeout, string NetworkInterface)
{
    /// <summary>The variable of <see cref="Timeout"/>.</summary>
    public const string TimeoutVariable = "RLHF_DISTRIBUTED_TIMEOUT";

    /// <summary>Reads the variables; null where WORLD_SIZE is not set or 1: this process trains alone.</summary>
    /// <param name="variable">Gives a variable's value; null for the environment of this process.</param>
    /// <exception cref="DistributedException">If a variable is missing or unusable; names all of them.</exception>
    public static RankEnvironment? Read(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        if (string.IsNullOrEmpty(variable("WORLD_SIZE")))
        {
            return null;
        }

        var faults = new List<string>();
        var size = Number("WORLD_SIZE", null, 1, int.MaxValue);
        var rank = Number("RANK", null, 0, Math.Max(size, 1) - 1);
        var localRank = Number("LOCAL_RANK", rank, 0, int.MaxValue);
        var port = Number("MASTER_PORT", size == 1 ? 0 : null, 0, ushort.MaxValue);
        var timeout = Number(TimeoutVariable, 1800, 1, 7 * 24 * 3600);
        var address = variable("MASTER_ADDR") ?? "";
        if (address.Length == 0 && size != 1)
        {
            faults.Add("MASTER_ADDR is not set; it is the address of the machine of rank 0.");
        }

        if (faults.Count > 0)
        {
            throw new DistributedException("the variables that say which of the processes this is are not usable:\n  - " + string.Join("\n  - ", faults));
        }

        return size == 1 ? null : new(rank, size, localRank, address, port, TimeSpan.FromSeconds(timeout), variable("GLOO_SOCKET_IFNAME") ?? "");

        int Number(string name, int? absent, int low, int high)
        {
            var text = variable(name);
            if (string.IsNullOrEmpty(text) && absent is { } value)
            {
                return value;
            }

            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < low || number > high)
            {
                faults.Add($"{name} is {(string.IsNullOrEmpty(text) ? "not set" : $"'{text}'")}; legal values are {low} to {(high == int.MaxValue ? "any number above" : high)}.");
                return low;
            }

            return number;
        }
    }
}
