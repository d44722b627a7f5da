namespace Rlhf.Modeling.Gguf;

/// <summary>Keys and values in the order of the file, and what a reader of the report should know about them.</summary>
internal sealed class GgufMetadata
{
    private readonly List<KeyValuePair<string, object>> _entries = [];

    public IReadOnlyList<KeyValuePair<string, object>> Entries => _entries;

    /// <summary>Why the file cannot be written.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>Where llama.cpp will not do exactly what this code does.</summary>
    public List<string> Notes { get; } = [];

    public void Add(string key, object value) => _entries.Add(new(key, value));

    /// <summary>A count or an id: uint32 in the file.</summary>
    public void AddCount(string key, int value) => Add(key, (uint)value);

    /// <summary>float32 in the file.</summary>
    public void AddNumber(string key, double value) => Add(key, (float)value);
}
