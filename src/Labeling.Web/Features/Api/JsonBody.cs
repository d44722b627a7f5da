using System.Text.Json;
using System.Text.Json.Serialization;

namespace Labeling.Web.Features.Api;

/// <summary>Reads a request's JSON body so that an error names the field and the place.</summary>
internal static class JsonBody
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <returns>The value, or the errors by field.</returns>
    public static async Task<(T? Value, Dictionary<string, string[]> Errors)> ReadAsync<T>(HttpRequest request, CancellationToken cancellationToken)
        where T : class
    {
        if (!request.HasJsonContentType())
        {
            return (null, Error("", "The body must be JSON, with the header 'Content-Type: application/json'."));
        }

        try
        {
            var value = await JsonSerializer.DeserializeAsync<T>(request.Body, s_options, cancellationToken);
            return value is null ? (null, Error("", "The body must be a JSON object; it is null.")) : (value, []);
        }
        catch (JsonException exception)
        {
            var field = exception.Path is { Length: > 2 } path ? path[2..] : "";
            return (null, Error(field, exception.Message));
        }
    }

    private static Dictionary<string, string[]> Error(string field, string message) => new() { [field] = [message] };
}
