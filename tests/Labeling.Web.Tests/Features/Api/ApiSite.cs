using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Labeling.Web.Features.Api;
using Microsoft.Extensions.DependencyInjection;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Api;

/// <summary>Projects with tasks, and programs with keys, on the real site.</summary>
internal static class ApiSite
{
    public static async Task<string> AddKeyAsync(this Site site, Guid userId) =>
        (await site.Services.GetRequiredService<ApiKeys>().CreateAsync(userId, "test")).Key!;

    public static HttpClient CreateProgram(this Site site, string key)
    {
        var client = site.CreateClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>A member's program and a project with so many tasks: prompt "prompt 0", completions "A0" and "B0", …</summary>
    public static async Task<(HttpClient Program, AppUser User, Project Project)> AddLabelingAsync(this Site site, int tasks)
    {
        var user = await site.AddUserAsync(AppRoles.Annotator);
        var project = await site.AddProjectAsync(p => p.HeldOutFraction = 0, user.Id);
        await site.AddTasksAsync(project.Id, tasks);
        return (site.CreateProgram(await site.AddKeyAsync(user.Id)), user, project);
    }

    public static async Task AddTasksAsync(this Site site, Guid projectId, int count)
    {
        await using var db = await site.CreateDbContextAsync();
        for (var i = 0; i < count; i++)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"prompt {i}")));
            var prompt = new Prompt { ProjectId = projectId, Text = $"prompt {i}", ContentHash = hash, Sequence = i };
            var a = new Completion { PromptId = prompt.Id, Text = $"A{i}" };
            var b = new Completion { PromptId = prompt.Id, Text = $"B{i}", Index = 1 };
            db.AddRange(prompt, a, b, new ComparisonTask
            {
                ProjectId = projectId, PromptId = prompt.Id, CompletionAId = a.Id, CompletionBId = b.Id, Sequence = i,
            });
        }

        await db.SaveChangesAsync();
    }
}
