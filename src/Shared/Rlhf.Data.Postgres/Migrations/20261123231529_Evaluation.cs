using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Rlhf.Data.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class Evaluation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<Guid>(
                name: "BaselineCheckpointId",
                table: "Runs",
                type: "uuid",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "EvaluatePolicies",
                table: "Projects",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<string>(
                name: "EvaluationConfigJson",
                table: "Projects",
                type: "text",
                nullable: false,
                defaultValue: "{}");

            migrationBuilder.AddColumn<Guid>(
                name: "EvaluationRunId",
                table: "ComparisonTasks",
                type: "uuid",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "EvaluationResults",
                columns: table => new
                {
                    RunId = table.Column<Guid>(type: "uuid", nullable: false),
                    Task = table.Column<string>(type: "character varying(50)", maxLength: 50, nullable: false),
                    Variant = table.Column<string>(type: "character varying(100)", maxLength: 100, nullable: false),
                    Metric = table.Column<string>(type: "character varying(50)", maxLength: 50, nullable: false),
                    CheckpointId = table.Column<Guid>(type: "uuid", nullable: false),
                    BaselineCheckpointId = table.Column<Guid>(type: "uuid", nullable: true),
                    Value = table.Column<double>(type: "double precision", nullable: false),
                    Low = table.Column<double>(type: "double precision", nullable: true),
                    High = table.Column<double>(type: "double precision", nullable: true),
                    Count = table.Column<int>(type: "integer", nullable: false),
                    Seed = table.Column<long>(type: "bigint", nullable: false),
                    CreatedAt = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_EvaluationResults", x => new { x.RunId, x.Task, x.Variant, x.Metric });
                    table.ForeignKey(
                        name: "FK_EvaluationResults_Checkpoints_BaselineCheckpointId",
                        column: x => x.BaselineCheckpointId,
                        principalTable: "Checkpoints",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_EvaluationResults_Checkpoints_CheckpointId",
                        column: x => x.CheckpointId,
                        principalTable: "Checkpoints",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_EvaluationResults_Runs_RunId",
                        column: x => x.RunId,
                        principalTable: "Runs",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Runs_BaselineCheckpointId",
                table: "Runs",
                column: "BaselineCheckpointId");

            migrationBuilder.CreateIndex(
                name: "IX_ComparisonTasks_EvaluationRunId",
                table: "ComparisonTasks",
                column: "EvaluationRunId");

            migrationBuilder.CreateIndex(
                name: "IX_EvaluationResults_BaselineCheckpointId",
                table: "EvaluationResults",
                column: "BaselineCheckpointId");

            migrationBuilder.CreateIndex(
                name: "IX_EvaluationResults_CheckpointId",
                table: "EvaluationResults",
                column: "CheckpointId");

            migrationBuilder.AddForeignKey(
                name: "FK_ComparisonTasks_Runs_EvaluationRunId",
                table: "ComparisonTasks",
                column: "EvaluationRunId",
                principalTable: "Runs",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);

            migrationBuilder.AddForeignKey(
                name: "FK_Runs_Checkpoints_BaselineCheckpointId",
                table: "Runs",
                column: "BaselineCheckpointId",
                principalTable: "Checkpoints",
                principalColumn: "Id",
                onDelete: ReferentialAction.Restrict);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropForeignKey(
                name: "FK_ComparisonTasks_Runs_EvaluationRunId",
                table: "ComparisonTasks");

            migrationBuilder.DropForeignKey(
                name: "FK_Runs_Checkpoints_BaselineCheckpointId",
                table: "Runs");

            migrationBuilder.DropTable(
                name: "EvaluationResults");

            migrationBuilder.DropIndex(
                name: "IX_Runs_BaselineCheckpointId",
                table: "Runs");

            migrationBuilder.DropIndex(
                name: "IX_ComparisonTasks_EvaluationRunId",
                table: "ComparisonTasks");

            migrationBuilder.DropColumn(
                name: "BaselineCheckpointId",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "EvaluatePolicies",
                table: "Projects");

            migrationBuilder.DropColumn(
                name: "EvaluationConfigJson",
                table: "Projects");

            migrationBuilder.DropColumn(
                name: "EvaluationRunId",
                table: "ComparisonTasks");
        }
    }
}
