using Microsoft.EntityFrameworkCore;
using Rlhf.Data;

namespace Rlhf.FaultCampaign;

/// <summary>
/// A record of every claim of a run and everything written under it, kept by triggers of the database itself: with the session that wrote it
/// (application_name is the incarnation of a process), so that a write of a worker that has lost its claim cannot hide.
/// </summary>
internal static class Audit
{
    private const string Triggers = """
        CREATE TABLE audit_runs (
            seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), run uuid NOT NULL, writer text NOT NULL,
            old_status text, new_status text NOT NULL, old_token bigint, new_token bigint NOT NULL, old_step int, new_step int NOT NULL);
        CREATE FUNCTION audit_run() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO audit_runs (run, writer, new_status, new_token, new_step)
                VALUES (NEW."Id", current_setting('application_name'), NEW."Status", NEW."FencingToken", NEW."Step");
            ELSIF (OLD."Status", OLD."FencingToken", OLD."Step") IS DISTINCT FROM (NEW."Status", NEW."FencingToken", NEW."Step") THEN
                INSERT INTO audit_runs (run, writer, old_status, new_status, old_token, new_token, old_step, new_step)
                VALUES (NEW."Id", current_setting('application_name'), OLD."Status", NEW."Status", OLD."FencingToken", NEW."FencingToken", OLD."Step", NEW."Step");
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER audit_run AFTER INSERT OR UPDATE ON "Runs" FOR EACH ROW EXECUTE FUNCTION audit_run();

        CREATE TABLE audit_metrics (seq bigserial PRIMARY KEY, run uuid NOT NULL, writer text NOT NULL, token bigint NOT NULL, step int NOT NULL, name text NOT NULL);
        CREATE FUNCTION audit_metric() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO audit_metrics (run, writer, token, step, name)
            SELECT NEW."RunId", current_setting('application_name'), r."FencingToken", NEW."Step", NEW."Name" FROM "Runs" r WHERE r."Id" = NEW."RunId";
            RETURN NULL;
        END $$;
        CREATE TRIGGER audit_metric AFTER INSERT OR UPDATE ON "Metrics" FOR EACH ROW EXECUTE FUNCTION audit_metric();
        """;

    /// <summary>Runs that were claimed otherwise than one fencing token at a time, or whose token was given out twice.</summary>
    private const string WrongTokens = """
        SELECT format('run %s: fencing token went from %s to %s (%s)', run, old_token, new_token, writer) AS "Value" FROM audit_runs
        WHERE old_token IS NOT NULL AND new_token <> old_token AND new_token <> old_token + 1
        UNION ALL
        SELECT format('run %s: fencing token %s was given out %s times', run, new_token, count(*)) FROM audit_runs
        WHERE new_token = old_token + 1 GROUP BY run, new_token HAVING count(*) > 1
        """;

    /// <summary>
    /// Steps, metrics and ends written by another session than the one that had claimed the run. Only the end of a claim that ran out
    /// (running → queued, or failed after too many) is somebody else's to write.
    /// </summary>
    private const string StaleWrites = """
        WITH claims AS (SELECT run, new_token AS token, writer FROM audit_runs WHERE new_token = old_token + 1)
        SELECT format('run %s, token %s: %s wrote %s → %s, step %s → %s, but the claim was %s''s', a.run, a.new_token, a.writer, a.old_status, a.new_status, a.old_step, a.new_step, c.writer) AS "Value"
        FROM audit_runs a JOIN claims c ON c.run = a.run AND c.token = a.new_token
        WHERE a.new_token = a.old_token AND a.writer <> c.writer AND (a.new_step <> a.old_step OR a.new_status = 'completed')
        UNION ALL
        SELECT format('run %s, token %s: %s wrote the metric %s of step %s, but the claim was %s''s', m.run, m.token, m.writer, m.name, m.step, c.writer)
        FROM audit_metrics m LEFT JOIN claims c ON c.run = m.run AND c.token = m.token
        WHERE c.writer IS DISTINCT FROM m.writer
        """;

    private const string CompletedTwice = """
        SELECT format('run %s completed %s times', run, count(*)) AS "Value" FROM audit_runs
        WHERE new_status = 'completed' AND old_status <> 'completed' GROUP BY run HAVING count(*) > 1
        """;

    public static Task InstallAsync(AppDbContext db) => db.Database.ExecuteSqlRawAsync(Triggers);

    /// <summary>What was written that must not have been.</summary>
    public static async Task<IReadOnlyList<string>> FindAsync(AppDbContext db)
    {
        List<string> found = [];
        foreach (var query in (string[])[WrongTokens, StaleWrites, CompletedTwice])
        {
            found.AddRange(await db.Database.SqlQueryRaw<string>(query).ToListAsync());
        }

        return found;
    }

    /// <summary>How often runs were claimed.</summary>
    public static async Task<int> ClaimsAsync(AppDbContext db) =>
        await db.Database.SqlQueryRaw<int>("""SELECT count(*)::int AS "Value" FROM audit_runs WHERE new_token = old_token + 1""").SingleAsync();
}
