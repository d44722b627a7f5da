using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Rlhf.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Platform : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Runs_Status_Kind_CreatedAt",
                table: "Runs");

            migrationBuilder.AddColumn<string>(
                name: "Device",
                table: "Runs",
                type: "TEXT",
                maxLength: 200,
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Failures",
                table: "Runs",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<long>(
                name: "NotBefore",
                table: "Runs",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Priority",
                table: "Runs",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Runs",
                type: "TEXT",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "HeldOutScoreGate",
                table: "Projects",
                type: "REAL",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "KlBudget",
                table: "Projects",
                type: "REAL",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "PausedAt",
                table: "Projects",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "Aggregate",
                table: "Outbox",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Outbox",
                type: "TEXT",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Judgments",
                type: "TEXT",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "Aggregate",
                table: "FailedMessages",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "OutboxId",
                table: "FailedMessages",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "FailedMessages",
                type: "TEXT",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "NextStage",
                table: "Cycles",
                type: "TEXT",
                maxLength: 20,
                nullable: true);

            // By hand, with the key in the column: AddForeignKey rebuilds the table with the keys switched off, which SQLite only does between
            // transactions, and a process that died there would leave half a migration.
            migrationBuilder.Sql(
                """
                ALTER TABLE "Cycles" ADD COLUMN "PolicyCheckpointId" TEXT NULL
                    CONSTRAINT "FK_Cycles_Checkpoints_PolicyCheckpointId" REFERENCES "Checkpoints" ("Id") ON DELETE RESTRICT;
                """);

            migrationBuilder.Sql(
                """
                ALTER TABLE "CycleDecisions" ADD COLUMN "UserId" TEXT NULL
                    CONSTRAINT "FK_CycleDecisions_AspNetUsers_UserId" REFERENCES "AspNetUsers" ("Id") ON DELETE RESTRICT;
                """);

            migrationBuilder.AddColumn<long>(
                name: "FilesDeletedAt",
                table: "Checkpoints",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "PinnedAt",
                table: "Checkpoints",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "SizeBytes",
                table: "Checkpoints",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "TaintReason",
                table: "Checkpoints",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "TaintedAt",
                table: "Checkpoints",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "ApiKeys",
                columns: table => new
                {
                    Id = table.Column<Guid>(type: "TEXT", nullable: false),
                    UserId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Name = table.Column<string>(type: "TEXT", maxLength: 100, nullable: false),
                    SecretHash = table.Column<string>(type: "TEXT", maxLength: 64, nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false),
                    LastUsedAt = table.Column<long>(type: "INTEGER", nullable: true),
                    RevokedAt = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_ApiKeys", x => x.Id);
                    table.ForeignKey(
                        name: "FK_ApiKeys_AspNetUsers_UserId",
                        column: x => x.UserId,
                        principalTable: "AspNetUsers",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Runs_Device",
                table: "Runs",
                column: "Device",
                unique: true,
                filter: "\"Status\" = 'running'");

            migrationBuilder.CreateIndex(
                name: "IX_Runs_Status_Priority_CreatedAt",
                table: "Runs",
                columns: new[] { "Status", "Priority", "CreatedAt" });

            migrationBuilder.CreateIndex(
                name: "IX_Outbox_Aggregate_Id",
                table: "Outbox",
                columns: new[] { "Aggregate", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_FailedMessages_Aggregate_Endpoint_OutboxId",
                table: "FailedMessages",
                columns: new[] { "Aggregate", "Endpoint", "OutboxId" });

            migrationBuilder.CreateIndex(
                name: "IX_Cycles_PolicyCheckpointId",
                table: "Cycles",
                column: "PolicyCheckpointId");

            migrationBuilder.CreateIndex(
                name: "IX_CycleDecisions_UserId",
                table: "CycleDecisions",
                column: "UserId");

            migrationBuilder.CreateIndex(
                name: "IX_ApiKeys_UserId",
                table: "ApiKeys",
                column: "UserId");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_CycleDecisions_AspNetUsers_UserId",
                table: "CycleDecisions");

            migrationBuilder.DropForeignKey(
                name: "FK_Cycles_Checkpoints_PolicyCheckpointId",
                table: "Cycles");

            migrationBuilder.DropTable(
                name: "ApiKeys");

            migrationBuilder.DropIndex(
                name: "IX_Runs_Device",
                table: "Runs");

            migrationBuilder.DropIndex(
                name: "IX_Runs_Status_Priority_CreatedAt",
                table: "Runs");

            migrationBuilder.DropIndex(
                name: "IX_Outbox_Aggregate_Id",
                table: "Outbox");

            migrationBuilder.DropIndex(
                name: "IX_FailedMessages_Aggregate_Endpoint_OutboxId",
                table: "FailedMessages");

            migrationBuilder.DropIndex(
                name: "IX_Cycles_PolicyCheckpointId",
                table: "Cycles");

            migrationBuilder.DropIndex(
                name: "IX_CycleDecisions_UserId",
                table: "CycleDecisions");

            migrationBuilder.DropColumn(
                name: "Device",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "Failures",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "NotBefore",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "Priority",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "TraceParent",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "HeldOutScoreGate",
                table: "Projects");

            migrationBuilder.DropColumn(
                name: "KlBudget",
                table: "Projects");

            migrationBuilder.DropColumn(
                name: "PausedAt",
                table: "Projects");

            migrationBuilder.DropColumn(
                name: "Aggregate",
                table: "Outbox");

            migrationBuilder.DropColumn(
                name: "TraceParent",
                table: "Outbox");

            migrationBuilder.DropColumn(
                name: "TraceParent",
                table: "Judgments");

            migrationBuilder.DropColumn(
                name: "Aggregate",
                table: "FailedMessages");

            migrationBuilder.DropColumn(
                name: "OutboxId",
                table: "FailedMessages");

            migrationBuilder.DropColumn(
                name: "TraceParent",
                table: "FailedMessages");

            migrationBuilder.DropColumn(
                name: "NextStage",
                table: "Cycles");

            migrationBuilder.DropColumn(
                name: "PolicyCheckpointId",
                table: "Cycles");

            migrationBuilder.DropColumn(
                name: "UserId",
                table: "CycleDecisions");

            migrationBuilder.DropColumn(
                name: "FilesDeletedAt",
                table: "Checkpoints");

            migrationBuilder.DropColumn(
                name: "PinnedAt",
                table: "Checkpoints");

            migrationBuilder.DropColumn(
                name: "SizeBytes",
                table: "Checkpoints");

            migrationBuilder.DropColumn(
                name: "TaintReason",
                table: "Checkpoints");

            migrationBuilder.DropColumn(
                name: "TaintedAt",
                table: "Checkpoints");

            migrationBuilder.CreateIndex(
                name: "IX_Runs_Status_Kind_CreatedAt",
                table: "Runs",
                columns: new[] { "Status", "Kind", "CreatedAt" });
        }
    }
}
