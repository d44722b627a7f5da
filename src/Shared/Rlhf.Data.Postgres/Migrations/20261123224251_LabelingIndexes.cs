using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Rlhf.Data.Postgres.Migrations
{
    /// <inheritdoc />
    public partial class LabelingIndexes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_ComparisonTasks_ProjectId_Status_Sequence",
                table: "ComparisonTasks");

            migrationBuilder.CreateIndex(
                name: "IX_TaskLeases_Token",
                table: "TaskLeases",
                column: "Token",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "IX_ComparisonTasks_Next",
                table: "ComparisonTasks",
                columns: new[] { "ProjectId", "Status", "Round", "JudgmentCount", "Sequence" },
                descending: new[] { false, false, true, true, false });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_TaskLeases_Token",
                table: "TaskLeases");

            migrationBuilder.DropIndex(
                name: "IX_ComparisonTasks_Next",
                table: "ComparisonTasks");

            migrationBuilder.CreateIndex(
                name: "IX_ComparisonTasks_ProjectId_Status_Sequence",
                table: "ComparisonTasks",
                columns: new[] { "ProjectId", "Status", "Sequence" });
        }
    }
}
