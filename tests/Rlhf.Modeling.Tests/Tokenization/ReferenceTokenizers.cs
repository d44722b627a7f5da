using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Rlhf.TestSupport;

namespace Rlhf.Modeling.Tests.Tokenization;

/// <summary>The tokenizers the case files under RLHF_SHARED speak of, wherever they are: beside the file, among the models, or in an npm package.</summary>
internal static class ReferenceTokenizers
{
    public const string Json = "tokenizer.json", VocabularyFiles = "encoder.json + vocab.bpe";

    /// <summary>The files named cases*.json in fixtures/tokenizers and its folders.</summary>
    public static IEnumerable<string> CaseFiles() =>
        SharedData.Root is { } root && Path.Combine(root, "fixtures", "tokenizers") is var folder && System.IO.Directory.Exists(folder)
            ? System.IO.Directory.EnumerateFiles(folder, "cases*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            : [];

    /// <summary>The forms in which a tokenizer is there; one that is in no folder may be in a package.</summary>
    public static IEnumerable<string> Forms(string file, string name)
    {
        if (Find(file, name) is not { } folder || HasJson(folder))
        {
            yield return Json;
        }

        if (Find(file, name) is { } other && File.Exists(Path.Combine(other, "encoder.json")))
        {
            yield return VocabularyFiles;
        }
    }

    /// <summary>A directory that holds the tokenizer in that form only, unpacked.</summary>
    public static string Directory(string file, string name, string form, string target)
    {
        if (Find(file, name) is not { } folder)
        {
            return FromPackage(file, name);
        }

        string[] names = form == Json ? [Json, Json + ".gz", "tokenizer_config.json"] : ["encoder.json", "vocab.bpe"];
        foreach (var source in names.Select(part => Path.Combine(folder, part)).Where(File.Exists))
        {
            using var input = File.OpenRead(source);
            using Stream content = source.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(input, CompressionMode.Decompress) : input;
            using var output = File.Create(Path.Combine(target, Path.GetFileName(source).Replace(".gz", "", StringComparison.Ordinal)));
            content.CopyTo(output);
        }

        return target;
    }

    private static bool HasJson(string folder) => File.Exists(Path.Combine(folder, Json)) || File.Exists(Path.Combine(folder, Json + ".gz"));

    private static string? Find(string file, string name) =>
        ((string[])[Path.Combine(Path.GetDirectoryName(file)!, name), Path.Combine(SharedData.Root!, "models", name)])
            .FirstOrDefault(folder => HasJson(folder) || File.Exists(Path.Combine(folder, "encoder.json")));

    /// <summary>
    /// The folder RLHF_NAME_TOKENIZER names (RLHF_LLAMA3_TOKENIZER for llama3), else the npm package the case file names, fetched by the npm
    /// client into the user's cache; else the test is skipped. The file must have the size and hash the case file gives.
    /// </summary>
    private static string FromPackage(string file, string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(file));
        var entry = json.RootElement.GetProperty("tokenizers").GetProperty(name);
        var variable = $"RLHF_{name.ToUpperInvariant()}_TOKENIZER";
        var folder = Environment.GetEnvironmentVariable(variable);
        if (folder is null)
        {
            Assert.SkipUnless(entry.TryGetProperty("npm_package", out var package), $"no tokenizer \"{name}\": {variable} is not set, and {file} names no package");
            folder = Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "rlhf", "tokenizers", $"{name}-{entry.GetProperty("version").GetString()}");
            if (!File.Exists(Path.Combine(folder, Json)))
            {
                Unpack($"{package.GetString()}@{entry.GetProperty("version").GetString()}", entry.GetProperty("file").GetString()!, folder, variable);
            }
        }

        var found = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, Json))));
        Assert.Equal(entry.GetProperty("sha256").GetString(), found);
        return folder;
    }

    private static void Unpack(string package, string path, string folder, string variable)
    {
        var work = System.IO.Directory.CreateTempSubdirectory("rlhf-npm-").FullName;
        try
        {
            var start = new ProcessStartInfo("npm", ["pack", "--silent", package]) { WorkingDirectory = work, RedirectStandardOutput = true, RedirectStandardError = true };
            using var npm = Process.Start(start)!;
            if (!npm.WaitForExit(TimeSpan.FromMinutes(2)))
            {
                npm.Kill(entireProcessTree: true);
            }

            var archive = System.IO.Directory.GetFiles(work, "*.tgz").FirstOrDefault();
            Assert.SkipWhen(archive is null, $"{variable} is not set, and npm could not fetch {package}");
            using var packed = new GZipStream(File.OpenRead(archive!), CompressionMode.Decompress);
            using var tar = new TarReader(packed);
            System.IO.Directory.CreateDirectory(folder);
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.Name == "package/" + path)
                {
                    var temporary = Path.Combine(folder, $"{Json}.{Environment.ProcessId}.tmp");
                    entry.ExtractToFile(temporary, overwrite: true);
                    File.Move(temporary, Path.Combine(folder, Json), overwrite: true);
                    return;
                }
            }

            Assert.Fail($"{package} has no {path}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"{variable} is not set, and there is no npm to fetch {package} with");
        }
        finally
        {
            System.IO.Directory.Delete(work, recursive: true);
        }
    }
}
