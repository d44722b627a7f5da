using RewardModel.Service;
using RewardModel.Service.Consumers;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

if (HealthProbe.IsRequested(args))
{
    return await HealthProbe.RunAsync();
}

var builder = WebApplication.CreateBuilder(args);
builder.AddRewardModel();
builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddRewardModelConsumers());
var app = builder.Build();
app.MapRlhfHealth();
await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
await app.RunAsync();
return 0;
