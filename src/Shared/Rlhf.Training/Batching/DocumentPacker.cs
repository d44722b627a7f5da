using Rlhf.Numerics;

namespace Rlhf.Training.Batching;

/// <summary>
/// Cuts a stream of documents, each followed by EOS, into blocks of equal length for pretraining. A block has one token more than
/// the context and shares its last token with the next block's first, so every token of the stream is predicted exactly once.
/// </summary>
/// <remarks>
/// Where it stands is two numbers, a document's place in the order and an offset in it. A finite corpus is read in a new random
/// order in every epoch, drawn from Philox(seed, epoch); an endless one is read in its own order.
/// </remarks>
public sealed class DocumentPacker
{
    private readonly Func<long, int[]> _encode;
    private readonly long? _documentCount;
    private readonly int _context;
    private readonly int _endOfText;
    private readonly ulong _seed;
    private int[] _permutation = [];
    private long _permutationEpoch = -1;
    private int[] _tokens = [];
    private long _tokensOf = -1;

    /// <summary>Makes a packer at the start of the stream.</summary>
    /// <param name="encode">The tokens of a document by its index, without EOS.</param>
    /// <param name="documentCount">How many documents there are; null when there is one for every index.</param>
    /// <param name="context">Tokens that a block predicts; a block is one longer.</param>
    /// <param name="endOfText">The token after every document.</param>
    /// <param name="seed">The seed of the order.</param>
    public DocumentPacker(Func<long, int[]> encode, long? documentCount, int context, int endOfText, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        if (documentCount is <= 0 or > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(documentCount), documentCount, "A finite corpus has between 1 and 2³¹ − 1 documents.");
        }

        _encode = encode;
        _documentCount = documentCount;
        _context = context;
        _endOfText = endOfText;
        _seed = seed;
    }

    /// <summary>The place in the order of the document in which the next block starts.</summary>
    public long Document { get; private set; }

    /// <summary>The offset of the next block's first token in that document; 0: it begins there, so the token before it is another document's.</summary>
    public int Offset { get; private set; }

    /// <summary>Continues from saved values of <see cref="Document"/> and <see cref="Offset"/>.</summary>
    public void Seek(long document, int offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(document);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        (Document, Offset) = (document, offset);
    }

    /// <summary>Writes the next block, context + 1 tokens.</summary>
    public void Next(Span<long> block) => Next(block, []);

    /// <summary>Writes the next block and which document each of its first tokens is of.</summary>
    /// <param name="block">Room for context + 1 tokens.</param>
    /// <param name="sequenceIds">
    /// Room for context numbers, 1 for the document in which the block begins, 2 for the next and so on; an EOS belongs to the document
    /// before it. Given to the model they keep documents from seeing each other. Empty: not wanted.
    /// </param>
    public void Next(Span<long> block, Span<long> sequenceIds)
    {
        if (sequenceIds.Length != 0 && sequenceIds.Length != _context)
        {
            throw new ArgumentException($"A block has the documents of {_context} tokens; there is room for {sequenceIds.Length}.", nameof(sequenceIds));
        }

        if (block.Length != _context + 1)
        {
            throw new ArgumentException($"A block has {_context + 1} tokens; there is room for {block.Length}.", nameof(block));
        }

        var (document, offset) = (Document, Offset);
        var filled = 0;
        for (var sequence = 1L; ; sequence++)
        {
            var tokens = TokensAt(document);
            while (offset < tokens.Length && filled < _context)
            {
                if (!sequenceIds.IsEmpty)
                {
                    sequenceIds[filled] = sequence;
                }

                block[filled++] = tokens[offset++];
            }

            if (filled == _context && offset < tokens.Length)
            {
                (Document, Offset) = (document, offset);
                block[filled] = tokens[offset];
                return;
            }

            (document, offset) = (document + 1, 0);
        }
    }

    private int[] TokensAt(long place)
    {
        if (place != _tokensOf)
        {
            _tokens = [.. _encode(IndexAt(place)), _endOfText];
            _tokensOf = place;
        }

        return _tokens;
    }

    private long IndexAt(long place)
    {
        if (_documentCount is not { } count)
        {
            return place;
        }

        var epoch = place / count;
        if (epoch != _permutationEpoch)
        {
            _permutation = new Philox(_seed, (ulong)epoch).Permutation((int)count);
            _permutationEpoch = epoch;
        }

        return _permutation[place % count];
    }
}
