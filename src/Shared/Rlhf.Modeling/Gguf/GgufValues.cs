using System.Text;

namespace Rlhf.Modeling.Gguf;

/// <summary>Writes metadata values: .NET's own types stand for GGUF's, arrays for arrays.</summary>
internal static class GgufValues
{
    public static void WriteString(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    public static void Write(BinaryWriter writer, object value)
    {
        writer.Write((uint)TypeOf(value.GetType()));
        WriteContent(writer, value);
    }

    private static void WriteContent(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case Array array:
                writer.Write((uint)TypeOf(array.GetType().GetElementType()!));
                writer.Write((ulong)array.Length);
                foreach (var item in array)
                {
                    WriteContent(writer, item);
                }

                break;
            case string text:
                WriteString(writer, text);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
        }
    }

    private static GgufValueType TypeOf(Type type) =>
        type.IsArray ? GgufValueType.Array
        : type == typeof(string) ? GgufValueType.String
        : type == typeof(bool) ? GgufValueType.Bool
        : type == typeof(uint) ? GgufValueType.UInt32
        : type == typeof(int) ? GgufValueType.Int32
        : type == typeof(float) ? GgufValueType.Float32
        : throw new ArgumentException($"metadata values written here are string, bool, uint, int, float and arrays of them, not {type}");
}
