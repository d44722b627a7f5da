using System.CommandLine;
using LoadBench;

var annotators = new Option<int>("--annotators") { Description = "Annotators at the same time.", DefaultValueFactory = _ => 200 };
var minutes = new Option<double>("--minutes") { Description = "How long they label at the pace of people.", DefaultValueFactory = _ => 10 };
var think = new Option<double>("--think") { Description = "Seconds a comparison is looked at, on average.", DefaultValueFactory = _ => 1.5 };
var saturated = new Option<double>("--saturated") { Description = "Minutes in which, before that, they judge as fast as they are served.", DefaultValueFactory = _ => 1 };
var trainer = new Option<bool>("--trainer") { Description = "A Trainer.Service consumes the messages; else a queue of the broker takes them." };
var command = new RootCommand("Labeling under load: the real site, PostgreSQL and RabbitMQ, annotators over the HTTP API.") { annotators, minutes, think, saturated, trainer };
command.SetAction((parse, stop) => new LoadRun(
    parse.GetValue(annotators),
    TimeSpan.FromSeconds(parse.GetValue(think)),
    TimeSpan.FromMinutes(parse.GetValue(saturated)),
    TimeSpan.FromMinutes(parse.GetValue(minutes)),
    parse.GetValue(trainer)).RunAsync(stop));
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
