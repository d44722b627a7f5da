INSERT INTO "AspNetRoles" ("Id", "Name", "NormalizedName", "ConcurrencyStamp") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A2', 'engineer', 'ENGINEER', 'c0ffee');
INSERT INTO "AspNetUsers" ("Id", "DisplayName", "UserName", "NormalizedUserName", "Email", "NormalizedEmail", "EmailConfirmed", "PasswordHash", "SecurityStamp", "ConcurrencyStamp", "PhoneNumber", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnd", "LockoutEnabled", "AccessFailedCount") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A0', 'Ada O''Neill', 'ada', 'ADA', 'ada@example.org', 'ADA@EXAMPLE.ORG', 1, 'AQAAAAIAAYagAAAAEExample==', 'S1', 'C1', '+49 30 123456', 0, 0, 639032004001234560, 1, 2);
INSERT INTO "AspNetUsers" ("Id", "DisplayName", "UserName", "NormalizedUserName", "EmailConfirmed", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnabled", "AccessFailedCount") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A1', 'Jürgen 测试', 'jürgen', 'JÜRGEN', 0, 0, 1, 0, 0);
INSERT INTO "AspNetRoleClaims" ("RoleId", "ClaimType", "ClaimValue") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A2', 'scope', 'runs');
INSERT INTO "AspNetUserClaims" ("UserId", "ClaimType", "ClaimValue") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A0', 'locale', 'en');
INSERT INTO "AspNetUserLogins" ("LoginProvider", "ProviderKey", "ProviderDisplayName", "UserId") VALUES
  ('oidc', 'ada-1', 'Single sign-on', '0198A7C0-3D5E-7B2A-9F00-0000000000A0');
INSERT INTO "AspNetUserRoles" ("UserId", "RoleId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A0', '0198A7C0-3D5E-7B2A-9F00-0000000000A2');
INSERT INTO "AspNetUserTokens" ("UserId", "LoginProvider", "Name", "Value") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A0', '[AspNetUserStore]', 'AuthenticatorKey', 'JBSWY3DPEHPK3PXP');
INSERT INTO "SetupTokens" ("Id", "TokenHash", "ExpiresAt", "UsedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-000000000001', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 639029448000000000, 639029430000000010);
INSERT INTO "ApiKeys" ("Id", "UserId", "Name", "SecretHash", "CreatedAt", "LastUsedAt", "RevokedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-000000000002', '0198A7C0-3D5E-7B2A-9F00-0000000000A0', 'nightly import', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 639030240000000000, 639030888000000000, 639031680000000000);
INSERT INTO "Projects" ("Id", "Name", "Slug", "Guidelines", "JudgmentsPerCycle", "JudgmentsPerTask", "PromptsPerCycle", "HeldOutFraction", "RewardAccuracyGate", "AutoCycle", "RewardConfigJson", "PpoConfigJson", "SamplingConfigJson", "PolicyCheckpointId", "Seed", "CreatedAt", "Version", "HeldOutScoreGate", "KlBudget", "PausedAt", "EvaluationConfigJson", "EvaluatePolicies") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'Release notes', 'release-notes', '# What to prefer' || char(10) || 'The shorter one; "quotes" and ''apostrophes'' stay.', 200, 2, 50, 0.125, 0.65, 1, '{"train":{"steps":20}}', '{"ppo":{"init_kl_coef":0.05}}', '{"temperature":0.7}', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', -9007199254740993, 639029198456789010, 7, -0.25, 12.5, 639032976000000000, '{"limit": 10}', 1);
INSERT INTO "ProjectMembers" ("ProjectId", "UserId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A1');
INSERT INTO "Prompts" ("Id", "ProjectId", "Text", "Split", "Family", "SpecJson", "ContentHash", "Sequence", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A4', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'Summarise: 3 < 4 & "x"', 'train', 'summary', '{"max_words":12}', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, 639029202000000000);
INSERT INTO "Prompts" ("Id", "ProjectId", "Text", "Split", "ContentHash", "Sequence", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A5', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'Résumé en français 🙂', 'heldout', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 2, 639029202000000010);
INSERT INTO "Checkpoints" ("Id", "ProjectId", "Kind", "Version", "Path", "ContentHash", "CreatedAt", "PinnedAt", "SizeBytes") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'policy', 1, 'release-notes/policy/1', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 639029232000000000, 639030096000000000, 5368709120);
INSERT INTO "Cycles" ("Id", "ProjectId", "Number", "Status", "StartedAt", "FinishedAt", "RewardRunId", "PpoRunId", "SampleRunId", "Reason", "NextStage", "PolicyCheckpointId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A8', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 1, 'completed', 639029952000000000, 639030132000000000, '0198A7C0-3D5E-7B2A-9F00-0000000000AA', '0198A7C0-3D5E-7B2A-9F00-0000000000AB', '0198A7C0-3D5E-7B2A-9F00-0000000000AC', 'finished', 'ppo', '0198A7C0-3D5E-7B2A-9F00-0000000000A6');
INSERT INTO "Cycles" ("Id", "ProjectId", "Number", "Status", "StartedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A9', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 2, 'reward-model', 639030816000000000);
INSERT INTO "CycleDecisions" ("Id", "ProjectId", "CycleId", "Decision", "NumbersJson", "CreatedAt", "UserId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-000000000003', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A8', '200 judgments: reward model', '{"judgments":200}', 639029952000000000, '0198A7C0-3D5E-7B2A-9F00-0000000000A0');
INSERT INTO "CycleDecisions" ("Id", "ProjectId", "Decision", "NumbersJson", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-000000000004', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '12 of 200 judgments: wait', '{"judgments":12}', 639030168000000000);
INSERT INTO "Runs" ("Id", "ProjectId", "CycleId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "DataHash", "PolicyCheckpointId", "OutputCheckpointId", "FencingToken", "Attempt", "Step", "TotalSteps", "CancelRequested", "CreatedAt", "StartedAt", "FinishedAt", "Version", "Failures", "Priority", "TraceParent") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AA', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A8', 'reward-model', 'completed', '0198A7C0-3D5E-7B2A-9F00-0000000000B2', '{"seed":1}', 4611686018427387905, '0.1.0+abc', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A7', 3, 2, 20, 20, 0, 639029952010000000, 639029952020000000, 639029988000000000, 9, 1, 0, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Checkpoints" ("Id", "ProjectId", "Kind", "Version", "Path", "ContentHash", "ParentId", "RunId", "CreatedAt", "RetiredAt", "FilesDeletedAt", "SizeBytes", "TaintReason", "TaintedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000A7', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'reward-model', 1, 'release-notes/reward-model/1', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000AA', 639029988000000000, 639031716000000000, 639031752000000000, 1024, 'labels withdrawn', 639031698000000000);
INSERT INTO "Runs" ("Id", "ProjectId", "CycleId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "RewardCheckpointId", "LeaseOwner", "LeaseExpiresAt", "FencingToken", "Attempt", "Step", "TotalSteps", "CancelRequested", "CreatedAt", "StartedAt", "Version", "Device", "Failures", "Priority") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AB', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A9', 'ppo', 'running', '0198A7C0-3D5E-7B2A-9F00-0000000000B3', '{}', 2, '0.1.0', '0198A7C0-3D5E-7B2A-9F00-0000000000A7', 'trainer-1', 639030819000000000, 1, 1, 4, 100, 1, 639030816010000000, 639030816020000000, 4, 'trainer-1/cpu', 0, 10);
INSERT INTO "Runs" ("Id", "ProjectId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "LeaseOwner", "LeaseExpiresAt", "FencingToken", "Attempt", "Step", "TotalSteps", "Error", "CancelRequested", "CreatedAt", "Version", "Device", "Failures", "NotBefore", "Priority", "PolicyCheckpointId", "BaselineCheckpointId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AC', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'eval', 'running', '0198A7C0-3D5E-7B2A-9F00-0000000000B4', '{}', 3, '0.1.0', 'trainer-2', 639030819000000000, 1, 1, 0, 0, 'lost: worker went away', 0, 639030816010000000, 2, 'trainer-2/cpu', 2, 639030822000000000, -1, '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A6');
INSERT INTO "EvaluationResults" ("RunId", "Task", "Variant", "Metric", "CheckpointId", "BaselineCheckpointId", "Value", "Low", "High", "Count", "Seed", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AC', 'win_rate', 'checker', 'win_rate', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', 0.5625, 0.25, 0.75, 16, 3, 639030816010000000);
INSERT INTO "EvaluationResults" ("RunId", "Task", "Variant", "Metric", "CheckpointId", "Value", "Count", "Seed", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AC', 'repetition', '', 'distinct-2', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', 0.875, 16, 3, 639030816010000000);
INSERT INTO "Metrics" ("RunId", "Step", "Name", "Value") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AA', 20, 'eval_accuracy', 0.71875);
INSERT INTO "Completions" ("Id", "PromptId", "CheckpointId", "Text", "FinishReason", "Logprob", "CreatedAt", "RunId", "Index") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AD', '0198A7C0-3D5E-7B2A-9F00-0000000000A4', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', 'Short.' || char(13) || char(10) || 'Two lines.', 'stop', -12.34375, 639029268000000000, '0198A7C0-3D5E-7B2A-9F00-0000000000AC', 0);
INSERT INTO "Completions" ("Id", "PromptId", "Text", "FinishReason", "CreatedAt", "Index") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AE', '0198A7C0-3D5E-7B2A-9F00-0000000000A4', '', 'length', 639029268000000000, 1);
INSERT INTO "ComparisonTasks" ("Id", "ProjectId", "PromptId", "CompletionAId", "CompletionBId", "Status", "JudgmentCount", "Round", "CreatedAt", "Sequence", "EvaluationRunId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AF', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A4', '0198A7C0-3D5E-7B2A-9F00-0000000000AD', '0198A7C0-3D5E-7B2A-9F00-0000000000AE', 'open', 2, 1, 639029304000000000, 5, '0198A7C0-3D5E-7B2A-9F00-0000000000AC');
INSERT INTO "Judgments" ("Id", "TaskId", "ProjectId", "AnnotatorId", "Choice", "PresentedSwapped", "LeaseToken", "Source", "Split", "DurationMs", "CreatedAt", "CycleId", "TraceParent") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000B0', '0198A7C0-3D5E-7B2A-9F00-0000000000AF', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', '0198A7C0-3D5E-7B2A-9F00-0000000000A1', 'a', 1, '0198A7C0-3D5E-7B2A-9F00-000000000005', 'human', 'train', 5230, 639029340000000000, '0198A7C0-3D5E-7B2A-9F00-0000000000A8', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Judgments" ("Id", "TaskId", "ProjectId", "Choice", "PresentedSwapped", "Source", "Split", "DurationMs", "CreatedAt", "RetractedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000B1', '0198A7C0-3D5E-7B2A-9F00-0000000000AF', '0198A7C0-3D5E-7B2A-9F00-0000000000A3', 'tie', 0, 'import', 'heldout', 0, 639029340600000000, 639029376000000000);
INSERT INTO "TaskLeases" ("TaskId", "Slot", "AnnotatorId", "Token", "ExpiresAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AF', 0, '0198A7C0-3D5E-7B2A-9F00-0000000000A0', '0198A7C0-3D5E-7B2A-9F00-000000000006', 639029343000000000);
INSERT INTO "RunJudgments" ("RunId", "JudgmentId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AA', '0198A7C0-3D5E-7B2A-9F00-0000000000B0');
INSERT INTO "Inbox" ("MessageId", "Endpoint", "ReceivedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000C0', 'count-judgment', 639029340010000000);
INSERT INTO "Outbox" ("MessageId", "Type", "Body", "CreatedAt", "Attempts", "Aggregate", "TraceParent") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000C1', 'training.run-progressed', '{"runId":"0198a7c0-3d5e-7b2a-9f00-0000000000ab"}', 639030816600000000, 0, '0198A7C0-3D5E-7B2A-9F00-0000000000AB', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Outbox" ("MessageId", "Type", "Body", "CreatedAt", "Attempts", "NextAttemptAt", "DispatchedAt", "LastError", "Aggregate") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000C2', 'labeling.judgment-recorded', '{}', 639030817200000000, 3, 639030817800000000, 639030817500000000, 'broker unreachable', '0198A7C0-3D5E-7B2A-9F00-0000000000A3');
INSERT INTO "FailedMessages" ("MessageId", "Endpoint", "Type", "Body", "Attempts", "Error", "FirstFailedAt", "LastFailedAt", "SetAsideAt", "Aggregate", "OutboxId", "TraceParent") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000C3', 'start-run', 'training.start-run', '{"kind":"ppo"}', 5, 'ArgumentException: no such option' || char(10) || '  at …', 639029952000000000, 639029958000000000, 639029958000000000, '0198A7C0-3D5E-7B2A-9F00-0000000000B3', 17, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "FailedMessages" ("MessageId", "Endpoint", "Type", "Body", "Attempts", "Error", "FirstFailedAt", "LastFailedAt", "OutboxId") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000C2', 'count-judgment', 'labeling.judgment-recorded', '{}', 3, 'timeout', 639030817200000000, 639030817300000000, 2);
