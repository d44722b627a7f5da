using System.Text;

namespace Rlhf.Training.Tests.Metrics;

/// <summary>Reads TensorBoard event files with no code of the writer: the CRC is calculated bit by bit from its polynomial.</summary>
internal static class EventFile
{
    public static List<(long Step, string? Version, bool Restart, Dictionary<string, float> Scalars)> Read(string path)
    {
        var events = new List<(long, string?, bool, Dictionary<string, float>)>();
        using var reader = new BinaryReader(File.OpenRead(path));
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            var head = reader.ReadBytes(8);
            Assert.Equal(Masked(head), reader.ReadUInt32());
            var data = reader.ReadBytes((int)BitConverter.ToUInt64(head));
            Assert.Equal(Masked(data), reader.ReadUInt32());
            events.Add(Parse(data));
        }

        return events;
    }

    private static (long, string?, bool, Dictionary<string, float>) Parse(byte[] data)
    {
        var (step, version, restart, scalars) = (0L, (string?)null, false, new Dictionary<string, float>());
        foreach (var (field, number, bytes) in Fields(data))
        {
            switch (field)
            {
                case 2: step = (long)number; break;
                case 3: version = Encoding.UTF8.GetString(bytes); break;
                case 7: restart = Fields(bytes).Single() is (1, 1, _); break;
                case 5:
                    foreach (var (_, _, value) in Fields(bytes))
                    {
                        var parts = Fields(value).ToDictionary(p => p.Field);
                        scalars.Add(Encoding.UTF8.GetString(parts[1].Bytes), BitConverter.Int32BitsToSingle((int)parts[2].Number));
                    }

                    break;
            }
        }

        return (step, version, restart, scalars);
    }

    private static List<(int Field, ulong Number, byte[] Bytes)> Fields(byte[] data)
    {
        var fields = new List<(int, ulong, byte[])>();
        for (var i = 0; i < data.Length;)
        {
            var key = Varint(data, ref i);
            switch (key & 7)
            {
                case 0: fields.Add(((int)(key >> 3), Varint(data, ref i), [])); break;
                case 1: fields.Add(((int)(key >> 3), BitConverter.ToUInt64(data, i), [])); i += 8; break;
                case 5: fields.Add(((int)(key >> 3), BitConverter.ToUInt32(data, i), [])); i += 4; break;
                case 2:
                    var length = (int)Varint(data, ref i);
                    fields.Add(((int)(key >> 3), 0, data[i..(i + length)]));
                    i += length;
                    break;
                default: throw new InvalidDataException($"wire type {key & 7}");
            }
        }

        return fields;
    }

    private static ulong Varint(byte[] data, ref int i)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = data[i++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }

    // Castagnoli's polynomial 0x1EDC6F41, reflected 0x82F63B78; the mask as TFRecord's definition has it.
    private static uint Masked(byte[] data)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
    }
}
