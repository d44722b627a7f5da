namespace Rlhf.Modeling.Tokenization.Models;

/// <summary>The merges of a BPE model: from a pair of ids to the merge's rank and the joined id. Open addressing: one look into memory for most pairs.</summary>
internal sealed class MergeTable
{
    private const ulong Empty = ulong.MaxValue;

    private readonly ulong[] _keys;
    private readonly (int Rank, int Id)[] _merges;
    private readonly int _shift;

    public MergeTable(int count)
    {
        var capacity = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, count * 2));
        _shift = 64 - System.Numerics.BitOperations.Log2((uint)capacity);
        _keys = new ulong[capacity];
        _merges = new (int, int)[capacity];
        Array.Fill(_keys, Empty);
    }

    /// <summary>Enters a merge; of two for one pair the later counts, as in the reference library.</summary>
    public void Set(int left, int right, int rank, int id)
    {
        var key = Key(left, right);
        var place = Place(key);
        _keys[place] = key;
        _merges[place] = (rank, id);
    }

    /// <summary>The merge of a pair; rank <see cref="int.MaxValue"/> if there is none.</summary>
    public (int Rank, int Id) Find(int left, int right)
    {
        var key = Key(left, right);
        var place = Place(key);
        return _keys[place] == key ? _merges[place] : (int.MaxValue, -1);
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int Place(ulong key)
    {
        var keys = _keys;
        var place = (int)((key * 0x9E3779B97F4A7C15) >> _shift);
        while (keys[place] != key && keys[place] != Empty)
        {
            place = (place + 1) & (keys.Length - 1);
        }

        return place;
    }
}
