using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Rlhf.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class Evaluation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // By hand, with the key in the column: AddForeignKey rebuilds the table with the keys switched off, which SQLite only does between
            // transactions, and a process that died there would leave half a migration.
            migrationBuilder.Sql(
                """
                ALTER TABLE "Runs" ADD COLUMN "BaselineCheckpointId" TEXT NULL
                    CONSTRAINT "FK_Runs_Checkpoints_BaselineCheckpointId" REFERENCES "Checkpoints" ("Id") ON DELETE RESTRICT;
                """);

            migrationBuilder.AddColumn<bool>(
                name: "EvaluatePolicies",
                table: "Projects",
                type: "INTEGER",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<string>(
                name: "EvaluationConfigJson",
                table: "Projects",
                type: "TEXT",
                nullable: false,
                defaultValue: "{}");

            migrationBuilder.Sql(
                """
                ALTER TABLE "ComparisonTasks" ADD COLUMN "EvaluationRunId" TEXT NULL
                    CONSTRAINT "FK_ComparisonTasks_Runs_EvaluationRunId" REFERENCES "Runs" ("Id") ON DELETE RESTRICT;
                """);

            migrationBuilder.CreateTable(
                name: "EvaluationResults",
                columns: table => new
                {
                    RunId = table.Column<Guid>(type: "TEXT", nullable: false),
                    Task = table.Column<string>(type: "TEXT", maxLength: 50, nullable: false),
                    Variant = table.Column<string>(type: "TEXT", maxLength: 100, nullable: false),
                    Metric = table.Column<string>(type: "TEXT", maxLength: 50, nullable: false),
                    CheckpointId = table.Column<Guid>(type: "TEXT", nullable: false),
                    BaselineCheckpointId = table.Column<Guid>(type: "TEXT", nullable: true),
                    Value = table.Column<double>(type: "REAL", nullable: false),
                    Low = table.Column<double>(type: "REAL", nullable: true),
                    High = table.Column<double>(type: "REAL", nullable: true),
                    Count = table.Column<int>(type: "INTEGER", nullable: false),
                    Seed = table.Column<long>(type: "INTEGER", nullable: false),
                    CreatedAt = table.Column<long>(type: "INTEGER", nullable: false)
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
