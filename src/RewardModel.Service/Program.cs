using RewardModel.Service;
using RewardModel.Service.Consumers;
using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;

var builder = WebApplication.CreateBuilder(args);
builder.AddRewardModel();
builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddRewardModelConsumers());
var app = builder.Build();
app.MapRlhfHealth();
await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
await app.RunAsync();
