using Labeling.Web;
using Labeling.Web.Consumers;
using Labeling.Web.Features.Accounts;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

if (HealthProbe.IsRequested(args))
{
    return await HealthProbe.RunAsync();
}

var builder = WebApplication.CreateBuilder(args);
builder.AddLabelingWeb();
builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddLabelingConsumers());
var app = builder.Build();
app.MapLabelingWeb();
await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
await app.StartAsync();
await app.AnnounceSetupLinkAsync();
await app.WaitForShutdownAsync();
return 0;
