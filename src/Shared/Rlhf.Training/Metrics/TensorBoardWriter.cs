using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rlhf.Training.Metrics;

/// <summary>
/// Reports as scalars in a TensorBoard event file, <c>events.out.tfevents.SECONDS.HOST.PID</c>. A resumed run begins a file of its own whose first
/// event says from which step on earlier files are void, as TensorBoard expects of a restart.
/// </summary>
/// <remarks>
/// Framing: TFRecord (tensorflow/core/lib/io/record_writer.h): length (uint64), masked CRC-32C of it, data, masked CRC-32C of the data, all
/// little-endian. Data: the protocol buffer Event (tensorflow/core/util/event.proto), with Summary.Value.simple_value
/// (tensorflow/core/framework/summary.proto).
/// </remarks>
/// <param name="directory">TensorBoard's logdir; made when the first report comes.</param>
/// <param name="clock">Says when an event happened.</param>
public sealed class TensorBoardWriter(string directory, TimeProvider clock) : IMetricsSink
{
    // Event: double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; SessionLog session_log = 7.
    // Summary: repeated Value value = 1. Value: string tag = 1; float simple_value = 2. SessionLog: SessionStatus status = 1 (START = 1).
    private const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5, SessionLog = 7;
    private const int SummaryValue = 1, Tag = 1, SimpleValue = 2, SessionStatus = 1, SessionStart = 1;
    private const int Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5;

    private FileStream? _file;

    /// <inheritdoc/>
    public void Write(TrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        _file ??= Open(progress.Step);
        var summary = new MemoryStream();
        foreach (var (name, value) in progress.Metrics)
        {
            var scalar = new MemoryStream();
            PutBytes(scalar, Tag, Encoding.UTF8.GetBytes(name));
            PutFloat(scalar, SimpleValue, (float)value);
            PutBytes(summary, SummaryValue, scalar.ToArray());
        }

        var data = Event(progress.Step);
        PutBytes(data, Summary, summary.ToArray());
        PutRecord(data.ToArray());
        _file.Flush();
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private FileStream Open(int firstStep)
    {
        Directory.CreateDirectory(directory);
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds().ToString("D10", CultureInfo.InvariantCulture);
        var name = $"events.out.tfevents.{seconds}.{Environment.MachineName}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        _file = new FileStream(Path.Combine(directory, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        var version = Event(step: 0);
        PutBytes(version, FileVersion, "brain.Event:2"u8);
        PutRecord(version.ToArray());
        if (firstStep > 1)
        {
            var session = new MemoryStream();
            PutVarint(session, (SessionStatus << 3) | Varint);
            PutVarint(session, SessionStart);
            var restart = Event(firstStep);
            PutBytes(restart, SessionLog, session.ToArray());
            PutRecord(restart.ToArray());
        }

        return _file;
    }

    private MemoryStream Event(int step)
    {
        var data = new MemoryStream();
        Span<byte> time = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(time, clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        PutVarint(data, (WallTime << 3) | Fixed64);
        data.Write(time);
        PutVarint(data, (Step << 3) | Varint);
        PutVarint(data, (ulong)step);
        return data;
    }

    private void PutRecord(ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[12];
        Span<byte> tail = stackalloc byte[4];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], MaskedCrc(head[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedCrc(data));
        _file!.Write(head);
        _file.Write(data);
        _file.Write(tail);
    }

    // The mask keeps the checksum of data that holds checksums from being trivial (tensorflow/core/lib/hash/crc32c.h).
    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8u;
    }

    private static void PutBytes(MemoryStream stream, int field, ReadOnlySpan<byte> value)
    {
        PutVarint(stream, (ulong)((field << 3) | LengthDelimited));
        PutVarint(stream, (ulong)value.Length);
        stream.Write(value);
    }

    private static void PutFloat(MemoryStream stream, int field, float value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        PutVarint(stream, (ulong)((field << 3) | Fixed32));
        stream.Write(bytes);
    }

    private static void PutVarint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }
}
