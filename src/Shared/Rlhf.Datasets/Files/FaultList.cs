namespace Rlhf.Datasets.Files;

/// <summary>What is wrong with a file: all faults are counted, the first ones kept.</summary>
internal sealed class FaultList
{
    private const int Kept = 20;
    private readonly List<string> _faults = [];

    public int Count { get; private set; }

    public void Add(int line, string fault)
    {
        Count++;
        if (_faults.Count < Kept)
        {
            _faults.Add($"line {line}: {fault}");
        }
    }

    public override string ToString() => string.Join("\n  ", _faults) + (Count > Kept ? $"\n  … and {Count - Kept} more" : "");
}
