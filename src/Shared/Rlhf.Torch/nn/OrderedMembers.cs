using System.Collections;

namespace TorchSharp;

/// <summary>Named members in the order they were added; replacing one keeps its place.</summary>
internal sealed class OrderedMembers<T> : IEnumerable<(string Name, T Value)>
{
    private readonly List<(string Name, T Value)> items = [];

    public T this[string name]
    {
        set
        {
            var at = items.FindIndex(item => item.Name == name);
            if (at < 0)
            {
                items.Add((name, value));
            }
            else
            {
                items[at] = (name, value);
            }
        }
    }

    public bool Contains(string name) => items.Exists(item => item.Name == name);

    public bool TryAdd(string name, T value)
    {
        if (Contains(name))
        {
            return false;
        }

        items.Add((name, value));
        return true;
    }

    public void Remove(string name) => items.RemoveAll(item => item.Name == name);

    public void Clear() => items.Clear();

    public IEnumerator<(string Name, T Value)> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
