using System.Text.Json.Nodes;

namespace Rlhf.Datasets.Files;

/// <summary>Plain text: a row a line, empty lines left out.</summary>
internal static class TextRows
{
    public static IEnumerable<RawRow> Read(CharacterSource source)
    {
        while (source.Peek() >= 0)
        {
            var line = source.Line;
            var text = source.ReadLine();
            if (text is null)
            {
                yield return new RawRow(line, null, JsonRows.TooLong);
            }
            else if (!string.IsNullOrWhiteSpace(text))
            {
                yield return new RawRow(line, new JsonObject { ["text"] = text });
            }
        }
    }
}
