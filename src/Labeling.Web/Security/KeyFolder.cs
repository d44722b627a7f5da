using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.Extensions.Logging.Abstractions;

namespace Labeling.Web.Security;

/// <summary>Where the keys that sign cookies and one-time links are kept.</summary>
internal static class KeyFolder
{
    public static FileSystemXmlRepository Open(string dataPath)
    {
        var folder = new DirectoryInfo(Path.Combine(dataPath, "keys"));
        if (OperatingSystem.IsWindows())
        {
            folder.Create();
        }
        else
        {
            Directory.CreateDirectory(folder.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return new FileSystemXmlRepository(folder, NullLoggerFactory.Instance);
    }
}
