using System.Data.Common;
using System.Security.Claims;
using Labeling.Web.Features.Evaluations;
using Labeling.Web.Features.Labeling;
using Labeling.Web.Security;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.EntityFrameworkCore;
using Microsoft.OpenApi;
using Rlhf.Data;

namespace Labeling.Web.Features.Api;

/// <summary>The HTTP API, under /api/v1: what the comparison page does, for programs, and the results of evaluations. docs/guides/api.md</summary>
public static class ApiEndpoints
{
    /// <summary>Where the API lies.</summary>
    public const string Root = "/api";

    private const string KeyOwner = "api";

    internal static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<FailedKeyLimit>();
        services.AddProblemDetails();
        services.AddOpenApi("v1", document => document.ShouldInclude = endpoint => endpoint.RelativePath?.StartsWith("api/", StringComparison.Ordinal) ?? false);
        services.AddAuthentication().AddScheme<Microsoft.AspNetCore.Authentication.AuthenticationSchemeOptions, ApiKeyAuthentication>(ApiKeyAuthentication.SchemeName, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(KeyOwner, policy => policy.AddAuthenticationSchemes(ApiKeyAuthentication.SchemeName).RequireAuthenticatedUser());
        return services;
    }

    /// <summary>Unsuccessful responses of the API are problem details (RFC 9457); a database that is away is no fault of the program that asks.</summary>
    internal static IApplicationBuilder UseApiProblems(this IApplicationBuilder app) => app
        .UseExceptionHandler(new ExceptionHandlerOptions
        {
            StatusCodeSelector = exception => IsDatabaseAway(exception) ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status500InternalServerError,
        })
        .UseStatusCodePages();

    internal static void MapApi(this WebApplication app)
    {
        var api = app.MapGroup(Root + "/v1").WithTags("labeling").AddEndpointFilter((context, next) =>
        {
            context.HttpContext.Response.Headers.CacheControl = "no-store";
            return next(context);
        });
        api.MapOpenApi("/openapi.json").AllowAnonymous();
        api.MapGet("/projects", ListProjectsAsync).RequireAuthorization(KeyOwner)
            .WithSummary("The projects the key's owner may label in.");

        var project = api.MapGroup("/projects/{slug}").RequireAuthorization(KeyOwner)
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status404NotFound);
        project.MapGet("/tasks/next", NextTaskAsync)
            .WithSummary("Lends the next comparison; the one already lent, if there is one. 204 if there is none.");
        project.MapPost("/tasks/{taskId:guid}/skip", SkipTaskAsync)
            .WithSummary("Gives a lent comparison back; the owner of the key does not get it again. Repeating it changes nothing.");
        project.MapPost("/judgments", SubmitJudgmentAsync).AddOpenApiOperationTransformer(DescribeJudgmentAsync).ProducesProblem(StatusCodes.Status409Conflict)
            .WithSummary("Stores a judgment: 201. The same request again stores nothing and answers 200 with the same judgment.");
        project.MapGet("/progress", ProgressAsync)
            .WithSummary("How far the project is from its next reward model.");
        project.MapGet("/evaluations", EvaluationsAsync).Produces<List<ExportedResult>>()
            .WithSummary("Everything that was measured of the project's checkpoints, newest first; ?format=csv for a table. For engineers and administrators.");

        // Without it the pages' "not found" would answer, after asking for a signed-in browser.
        app.Map(Root + "/{**path}", () => TypedResults.Problem(statusCode: StatusCodes.Status404NotFound)).AllowAnonymous().ExcludeFromDescription();
    }

    // Not by Accepts: that also refuses other content types, before the key is looked at, in the pages' way.
    private static async Task DescribeJudgmentAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken) =>
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["application/json"] = new() { Schema = await context.GetOrCreateSchemaAsync(typeof(ApiJudgmentRequest), parameterDescription: null, cancellationToken) },
            },
        };

    private static async Task<Ok<List<ApiProject>>> ListProjectsAsync(
        ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return TypedResults.Ok(await ProjectAccess.Visible(db, user).OrderBy(p => p.Name)
            .Select(p => new ApiProject(p.Slug, p.Name, p.Guidelines)).ToListAsync(cancellationToken));
    }

    private static async Task<Results<Ok<ApiTask>, NoContent, ProblemHttpResult>> NextTaskAsync(
        string slug, ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, LabelingService labeling, CancellationToken cancellationToken)
    {
        var (projectId, problem) = await FindProjectAsync(contexts, user, slug, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        return await labeling.ClaimNextAsync(projectId, user.Id(), cancellationToken: cancellationToken) is { } comparison
            ? TypedResults.Ok(new ApiTask(
                comparison.TaskId,
                comparison.Prompt,
                [new(comparison.FirstChoice, comparison.First), new(comparison.SecondChoice, comparison.Second)],
                comparison.LeaseToken,
                comparison.ExpiresAt))
            : TypedResults.NoContent();
    }

    private static async Task<Results<Created<ApiJudgment>, Ok<ApiJudgment>, ValidationProblem, ProblemHttpResult>> SubmitJudgmentAsync(
        string slug, HttpRequest request, ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, LabelingService labeling, CancellationToken cancellationToken)
    {
        var (projectId, problem) = await FindProjectAsync(contexts, user, slug, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        var (body, errors) = await JsonBody.ReadAsync<ApiJudgmentRequest>(request, cancellationToken);
        errors = body is null ? errors : body.Validate();
        if (body is null || errors.Count > 0)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var result = await labeling.SubmitAsync(
            user.Id(), Guid.Parse(body.LeaseToken!), body.Choice!, (int)body.DurationMs!.Value, projectId: projectId, cancellationToken: cancellationToken);
        return result switch
        {
            { Outcome: SubmitOutcome.Recorded, JudgmentId: { } id } => TypedResults.Created((string?)null, new ApiJudgment(id)),
            { Outcome: SubmitOutcome.AlreadyRecorded, JudgmentId: { } id } when result.Choice == body.Choice => TypedResults.Ok(new ApiJudgment(id)),
            { Outcome: SubmitOutcome.AlreadyRecorded } => Conflict($"choice: this lease has a judgment already, with the choice '{result.Choice}'; it stands."),
            { Outcome: SubmitOutcome.LeaseExpired } => Conflict("leaseToken: the lease has run out, somebody else may be judging the comparison; get another one from tasks/next."),
            { Outcome: SubmitOutcome.ForeignLease } => TypedResults.Problem("leaseToken: this lease belongs to another annotator.", statusCode: StatusCodes.Status403Forbidden),
            _ => Conflict("leaseToken: there is no such lease in this project: it was given back, or never given; get another one from tasks/next."),
        };
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> SkipTaskAsync(
        string slug, Guid taskId, ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, LabelingService labeling, CancellationToken cancellationToken)
    {
        var (projectId, problem) = await FindProjectAsync(contexts, user, slug, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        return await labeling.SkipTaskAsync(projectId, user.Id(), taskId, cancellationToken)
            ? TypedResults.NoContent()
            : TypedResults.Problem($"taskId: there is no comparison {taskId} in the project '{slug}'.", statusCode: StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Ok<ApiProgress>, ProblemHttpResult>> ProgressAsync(
        string slug, ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, ProgressQuery progress, CancellationToken cancellationToken)
    {
        var (projectId, problem) = await FindProjectAsync(contexts, user, slug, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        var p = await progress.GetAsync(projectId, user.Id(), cancellationToken);
        return TypedResults.Ok(new ApiProgress(p.OwnJudgments, p.OwnToday, p.Collected, p.Needed, p.OpenTasks, p.CycleNumber, p.CycleStatus));
    }

    // Annotators judge blindly: they are not told which policy does better.
    private static async Task<IResult> EvaluationsAsync(
        string slug, string? format, ClaimsPrincipal user, IDbContextFactory<AppDbContext> contexts, EvaluationCatalog evaluations, CancellationToken cancellationToken)
    {
        var (projectId, problem) = await FindProjectAsync(contexts, user, slug, cancellationToken);
        if (problem is not null)
        {
            return problem;
        }

        if (!ProjectAccess.SeesEverything(user))
        {
            return TypedResults.Problem("Evaluations are for engineers and administrators: who judges is not told which policy does better.", statusCode: StatusCodes.Status403Forbidden);
        }

        return format is null or "json" or "csv"
            ? EvaluationEndpoints.File(format ?? "json", await evaluations.ListAsync(projectId, cancellationToken: cancellationToken))
            : TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["format"] = ["format must be json or csv."] });
    }

    // In one query, because it stands before every request.
    private static async Task<(Guid Id, ProblemHttpResult? Problem)> FindProjectAsync(
        IDbContextFactory<AppDbContext> contexts, ClaimsPrincipal user, string slug, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var visible = ProjectAccess.Visible(db, user);
        var project = await db.Projects.Where(p => p.Slug == slug)
            .Select(p => new { p.Id, IsVisible = visible.Any(v => v.Id == p.Id) }).SingleOrDefaultAsync(cancellationToken);
        return project switch
        {
            null => (default, TypedResults.Problem($"slug: there is no project '{slug}'.", statusCode: StatusCodes.Status404NotFound)),
            { IsVisible: false } => (default, TypedResults.Problem(
                $"The key's owner is no member of the project '{slug}'.", statusCode: StatusCodes.Status403Forbidden)),
            _ => (project.Id, null),
        };
    }

    private static ProblemHttpResult Conflict(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status409Conflict);

    private static bool IsDatabaseAway(Exception exception) => exception is DbException or TimeoutException
        || (exception is DbUpdateException or InvalidOperationException && exception.InnerException is DbException or TimeoutException);
}
