using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Rlhf.Data.Postgres.Migrations
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
                type: "character varying(200)",
                maxLength: 200,
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Failures",
                table: "Runs",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "NotBefore",
                table: "Runs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "Priority",
                table: "Runs",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Runs",
                type: "character varying(55)",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "HeldOutScoreGate",
                table: "Projects",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "KlBudget",
                table: "Projects",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "PausedAt",
                table: "Projects",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "Aggregate",
                table: "Outbox",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Outbox",
                type: "character varying(55)",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "Judgments",
                type: "character varying(55)",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "Aggregate",
                table: "FailedMessages",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "OutboxId",
                table: "FailedMessages",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "TraceParent",
                table: "FailedMessages",
                type: "character varying(55)",
                maxLength: 55,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "NextStage",
                table: "Cycles",
                type: "character varying(20)",
                maxLength: 20,
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "PolicyCheckpointId",
                table: "Cycles",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<Guid>(
                name: "UserId",
                table: "CycleDecisions",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "FilesDeletedAt",
                table: "Checkpoints",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "PinnedAt",
                table: "Checkpoints",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "SizeBytes",
                table: "Checkpoints",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);

            migrationBuilder.AddColumn<string>(
                name: "TaintReason",
                table: "Checkpoints",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "TaintedAt",
                table: "Checkpoints",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "ApiKeys",
                columns: table => new
                {
                    Id = table.Column<Guid>(type: "uuid", nullable: false),
                    UserId = table.Column<Guid>(type: "uuid", nullable: false),
                    Name = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    SecretHash = table.Column<string>(type: "character varying(64)", maxLength: 64, nullable: false),
                    CreatedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    LastUsedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    RevokedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
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

            migrationBuilder.AddForeignKey(
                name: "FK_CycleDecisions_AspNetUsers_UserId",
                table: "CycleDecisions",
                column: "UserId",
                principalTable: "AspNetUsers",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_Cycles_Checkpoints_PolicyCheckpointId",
                table: "Cycles",
                column: "PolicyCheckpointId",
                principalTable: "Checkpoints",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);
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
