using Rlhf.Numerics;

namespace Rlhf.Bench.Learning.Tasks;

/// <summary>
/// Shortest paths in a directed graph from random walks, after trlx's example of that name: 21 nodes, an edge with probability 0.1, the
/// goal is node 0, walks have at most 10 nodes. The graph is drawn from Philox, so it is not trlx's own.
/// </summary>
public sealed class RandomWalks : ILearningTask
{
    private const int FirstNode = 2;
    private const int Goal = 0;

    private readonly bool[,] _edges;
    private readonly int[] _shortest;
    private readonly int _nodes;
    private readonly int _maxLength;

    /// <summary>Draws the graph.</summary>
    /// <param name="nodes">Nodes of the graph.</param>
    /// <param name="edge">The probability of an edge.</param>
    /// <param name="maxLength">Nodes of the longest walk, the first among them.</param>
    /// <param name="seed">Seed of the graph.</param>
    public RandomWalks(int nodes = 21, double edge = 0.1, int maxLength = 10, ulong seed = 1002)
    {
        (_nodes, _maxLength, _edges, _shortest) = (nodes, maxLength, new bool[nodes, nodes], []);
        var random = new Philox(seed);

        // Again until the goal can be reached in time from most nodes.
        do
        {
            for (var from = 1; from < nodes; from++)
            {
                Draw(from, edge, random);
            }

            _shortest = Shortest();
            Prompts = [.. Enumerable.Range(1, nodes - 1).Where(n => _shortest[n] < maxLength).Select(n => new[] { n + FirstNode })];
        }
        while (Prompts.Count < 0.8 * (nodes - 1));
    }

    public string Name => "randomwalks";

    public string Metric => "optimality";

    public int VocabSize => _nodes + FirstNode;

    public int MaxNewTokens => _maxLength;

    /// <summary>Every node from which the goal can be reached in time.</summary>
    public IReadOnlyList<int[]> Prompts { get; }

    /// <summary>(longest − length) / (longest − shortest), 0 for a walk that takes no edge or does not arrive; trlx's optimality.</summary>
    public double Score(int[] prompt, int[] response)
    {
        var node = prompt[0] - FirstNode;
        var start = node;
        for (var i = 0; i < response.Length; i++)
        {
            var next = response[i] - FirstNode;
            if (next < 0 || !_edges[node, next])
            {
                return 0;
            }

            if (next == Goal)
            {
                return Math.Max(0, _maxLength - (i + 2)) / (double)(_maxLength - _shortest[start]);
            }

            node = next;
        }

        return 0;
    }

    /// <summary>A random walk: ends at the goal, or unfinished.</summary>
    public int[] Random(int[] prompt, Philox random)
    {
        var walk = new List<int>();
        for (var node = prompt[0] - FirstNode; walk.Count < _maxLength - 1 && node != Goal; walk.Add(node + FirstNode))
        {
            node = random.Choose(Next(node).ToArray());
        }

        return [.. walk, ILearningTask.Eos];
    }

    // Every node leads somewhere.
    private void Draw(int from, double edge, Philox random)
    {
        do
        {
            for (var to = 0; to < _nodes; to++)
            {
                _edges[from, to] = to != from && random.Chance(edge);
            }
        }
        while (!Next(from).Any());
    }

    private IEnumerable<int> Next(int node) => Enumerable.Range(0, _nodes).Where(to => _edges[node, to]);

    // Nodes of the shortest walk from each node, both ends counted; breadth first from the goal.
    private int[] Shortest()
    {
        var lengths = Enumerable.Repeat(int.MaxValue, _nodes).ToArray();
        lengths[Goal] = 1;
        var queue = new Queue<int>([Goal]);
        while (queue.TryDequeue(out var to))
        {
            for (var from = 1; from < _nodes; from++)
            {
                if (_edges[from, to] && lengths[from] == int.MaxValue)
                {
                    lengths[from] = lengths[to] + 1;
                    queue.Enqueue(from);
                }
            }
        }

        return lengths;
    }
}
