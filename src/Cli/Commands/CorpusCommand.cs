using System.CommandLine;
using Rlhf.TaskFamilies;

namespace Rlhf.Cli.Commands;

/// <summary><c>rlhf corpus</c>: prints the text that the base model was pretrained on, document by document.</summary>
internal static class CorpusCommand
{
    public static Command Create()
    {
        var count = new Option<int>("--documents") { Description = "How many documents to print.", DefaultValueFactory = _ => 20 };
        var seed = CommonOptions.Seed();
        var command = new Command("corpus", "Print documents of the generated pretraining corpus.") { count, seed };
        command.SetAction((parse, stop) =>
        {
            foreach (var document in CorpusGenerator.Documents(parse.GetValue(seed), new CorpusOptions()).Take(parse.GetValue(count)))
            {
                stop.ThrowIfCancellationRequested();
                Console.WriteLine(document.Trim('\n'));
                Console.WriteLine("────");
            }

            return Task.FromResult(0);
        });
        return command;
    }
}
