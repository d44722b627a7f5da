using System.CommandLine;
using System.Text;
using Rlhf.Modeling.Checkpoints;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf config reference</c>: every setting of every process, as docs/configuration.md has it.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var output = new Option<string?>("--output") { Description = "Write this file instead of standard output." };
        var reference = new Command("reference", "Every setting: key, type, default, legal values, meaning (Markdown).") { output };
        reference.SetAction(parse =>
        {
            var text = ConfigurationReference.Create();
            if (parse.GetValue(output) is { } path)
            {
                AtomicFile.Write(path, Encoding.UTF8.GetBytes(text));
            }
            else
            {
                Console.Write(text);
            }

            return 0;
        });
        return new Command("config", "Tell about the settings.") { reference };
    }
}
