using Rlhf.Hosting;
using Rlhf.Hosting.Messaging;
using Trainer.Service;
using Trainer.Service.Consumers;

if (HealthProbe.IsRequested(args))
{
    return await HealthProbe.RunAsync();
}

var builder = WebApplication.CreateBuilder(args);
builder.AddTrainer();
builder.Services.AddRlhfMessaging(builder.Configuration, bus => bus.AddTrainerConsumers());
var app = builder.Build();
app.MapRlhfHealth();
await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync();
await app.RunAsync();
return 0;
