INSERT INTO "AspNetRoles" ("Id", "Name", "NormalizedName", "ConcurrencyStamp") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a2', 'engineer', 'ENGINEER', 'c0ffee');
INSERT INTO "AspNetUsers" ("Id", "DisplayName", "UserName", "NormalizedUserName", "Email", "NormalizedEmail", "EmailConfirmed", "PasswordHash", "SecurityStamp", "ConcurrencyStamp", "PhoneNumber", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnd", "LockoutEnabled", "AccessFailedCount") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a0', 'Ada O''Neill', 'ada', 'ADA', 'ada@example.org', 'ADA@EXAMPLE.ORG', TRUE, 'AQAAAAIAAYagAAAAEExample==', 'S1', 'C1', '+49 30 123456', FALSE, FALSE, '2026-01-05 09:00:00.123456+00', TRUE, 2);
INSERT INTO "AspNetUsers" ("Id", "DisplayName", "UserName", "NormalizedUserName", "EmailConfirmed", "PhoneNumberConfirmed", "TwoFactorEnabled", "LockoutEnabled", "AccessFailedCount") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a1', 'Jürgen 测试', 'jürgen', 'JÜRGEN', FALSE, FALSE, TRUE, FALSE, 0);
INSERT INTO "AspNetRoleClaims" ("RoleId", "ClaimType", "ClaimValue") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a2', 'scope', 'runs');
INSERT INTO "AspNetUserClaims" ("UserId", "ClaimType", "ClaimValue") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a0', 'locale', 'en');
INSERT INTO "AspNetUserLogins" ("LoginProvider", "ProviderKey", "ProviderDisplayName", "UserId") VALUES
  ('oidc', 'ada-1', 'Single sign-on', '0198a7c0-3d5e-7b2a-9f00-0000000000a0');
INSERT INTO "AspNetUserRoles" ("UserId", "RoleId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a0', '0198a7c0-3d5e-7b2a-9f00-0000000000a2');
INSERT INTO "AspNetUserTokens" ("UserId", "LoginProvider", "Name", "Value") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a0', '[AspNetUserStore]', 'AuthenticatorKey', 'JBSWY3DPEHPK3PXP');
INSERT INTO "SetupTokens" ("Id", "TokenHash", "ExpiresAt", "UsedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-000000000001', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '2026-01-02 10:00:00+00', '2026-01-02 09:30:00.000001+00');
INSERT INTO "ApiKeys" ("Id", "UserId", "Name", "SecretHash", "CreatedAt", "LastUsedAt", "RevokedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-000000000002', '0198a7c0-3d5e-7b2a-9f00-0000000000a0', 'nightly import', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '2026-01-03 08:00:00+00', '2026-01-04 02:00:00+00', '2026-01-05 00:00:00+00');
INSERT INTO "Projects" ("Id", "Name", "Slug", "Guidelines", "JudgmentsPerCycle", "JudgmentsPerTask", "PromptsPerCycle", "HeldOutFraction", "RewardAccuracyGate", "AutoCycle", "RewardConfigJson", "PpoConfigJson", "SamplingConfigJson", "PolicyCheckpointId", "Seed", "CreatedAt", "Version", "HeldOutScoreGate", "KlBudget", "PausedAt", "EvaluationConfigJson", "EvaluatePolicies") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'Release notes', 'release-notes', '# What to prefer' || chr(10) || 'The shorter one; "quotes" and ''apostrophes'' stay.', 200, 2, 50, 0.125, 0.65, TRUE, '{"train":{"steps":20}}', '{"ppo":{"init_kl_coef":0.05}}', '{"temperature":0.7}', '0198a7c0-3d5e-7b2a-9f00-0000000000a6', -9007199254740993, '2026-01-02 03:04:05.678901+00', 7, -0.25, 12.5, '2026-01-06 12:00:00+00', '{"limit": 10}', true);
INSERT INTO "ProjectMembers" ("ProjectId", "UserId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a1');
INSERT INTO "Prompts" ("Id", "ProjectId", "Text", "Split", "Family", "SpecJson", "ContentHash", "Sequence", "CreatedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a4', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'Summarise: 3 < 4 & "x"', 'train', 'summary', '{"max_words":12}', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, '2026-01-02 03:10:00+00');
INSERT INTO "Prompts" ("Id", "ProjectId", "Text", "Split", "ContentHash", "Sequence", "CreatedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a5', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'Résumé en français 🙂', 'heldout', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 2, '2026-01-02 03:10:00.000001+00');
INSERT INTO "Checkpoints" ("Id", "ProjectId", "Kind", "Version", "Path", "ContentHash", "CreatedAt", "PinnedAt", "SizeBytes") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a6', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'policy', 1, 'release-notes/policy/1', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', '2026-01-02 04:00:00+00', '2026-01-03 04:00:00+00', 5368709120);
INSERT INTO "Cycles" ("Id", "ProjectId", "Number", "Status", "StartedAt", "FinishedAt", "RewardRunId", "PpoRunId", "SampleRunId", "Reason", "NextStage", "PolicyCheckpointId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a8', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 1, 'completed', '2026-01-03 00:00:00+00', '2026-01-03 05:00:00+00', '0198a7c0-3d5e-7b2a-9f00-0000000000aa', '0198a7c0-3d5e-7b2a-9f00-0000000000ab', '0198a7c0-3d5e-7b2a-9f00-0000000000ac', 'finished', 'ppo', '0198a7c0-3d5e-7b2a-9f00-0000000000a6');
INSERT INTO "Cycles" ("Id", "ProjectId", "Number", "Status", "StartedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a9', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 2, 'reward-model', '2026-01-04 00:00:00+00');
INSERT INTO "CycleDecisions" ("Id", "ProjectId", "CycleId", "Decision", "NumbersJson", "CreatedAt", "UserId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-000000000003', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a8', '200 judgments: reward model', '{"judgments":200}', '2026-01-03 00:00:00+00', '0198a7c0-3d5e-7b2a-9f00-0000000000a0');
INSERT INTO "CycleDecisions" ("Id", "ProjectId", "Decision", "NumbersJson", "CreatedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-000000000004', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '12 of 200 judgments: wait', '{"judgments":12}', '2026-01-03 06:00:00+00');
INSERT INTO "Runs" ("Id", "ProjectId", "CycleId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "DataHash", "PolicyCheckpointId", "OutputCheckpointId", "FencingToken", "Attempt", "Step", "TotalSteps", "CancelRequested", "CreatedAt", "StartedAt", "FinishedAt", "Version", "Failures", "Priority", "TraceParent") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000aa', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a8', 'reward-model', 'completed', '0198a7c0-3d5e-7b2a-9f00-0000000000b2', '{"seed":1}', 4611686018427387905, '0.1.0+abc', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '0198a7c0-3d5e-7b2a-9f00-0000000000a6', '0198a7c0-3d5e-7b2a-9f00-0000000000a7', 3, 2, 20, 20, FALSE, '2026-01-03 00:00:01+00', '2026-01-03 00:00:02+00', '2026-01-03 01:00:00+00', 9, 1, 0, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Checkpoints" ("Id", "ProjectId", "Kind", "Version", "Path", "ContentHash", "ParentId", "RunId", "CreatedAt", "RetiredAt", "FilesDeletedAt", "SizeBytes", "TaintReason", "TaintedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000a7', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'reward-model', 1, 'release-notes/reward-model/1', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', '0198a7c0-3d5e-7b2a-9f00-0000000000a6', '0198a7c0-3d5e-7b2a-9f00-0000000000aa', '2026-01-03 01:00:00+00', '2026-01-05 01:00:00+00', '2026-01-05 02:00:00+00', 1024, 'labels withdrawn', '2026-01-05 00:30:00+00');
INSERT INTO "Runs" ("Id", "ProjectId", "CycleId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "RewardCheckpointId", "LeaseOwner", "LeaseExpiresAt", "FencingToken", "Attempt", "Step", "TotalSteps", "CancelRequested", "CreatedAt", "StartedAt", "Version", "Device", "Failures", "Priority") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000ab', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a9', 'ppo', 'running', '0198a7c0-3d5e-7b2a-9f00-0000000000b3', '{}', 2, '0.1.0', '0198a7c0-3d5e-7b2a-9f00-0000000000a7', 'trainer-1', '2026-01-04 00:05:00+00', 1, 1, 4, 100, TRUE, '2026-01-04 00:00:01+00', '2026-01-04 00:00:02+00', 4, 'trainer-1/cpu', 0, 10);
INSERT INTO "Runs" ("Id", "ProjectId", "Kind", "Status", "CommandId", "ConfigJson", "Seed", "CodeVersion", "LeaseOwner", "LeaseExpiresAt", "FencingToken", "Attempt", "Step", "TotalSteps", "Error", "CancelRequested", "CreatedAt", "Version", "Device", "Failures", "NotBefore", "Priority", "PolicyCheckpointId", "BaselineCheckpointId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000ac', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'eval', 'running', '0198a7c0-3d5e-7b2a-9f00-0000000000b4', '{}', 3, '0.1.0', 'trainer-2', '2026-01-04 00:05:00+00', 1, 1, 0, 0, 'lost: worker went away', FALSE, '2026-01-04 00:00:01+00', 2, 'trainer-2/cpu', 2, '2026-01-04 00:10:00+00', -1, '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A6');
INSERT INTO "EvaluationResults" ("RunId", "Task", "Variant", "Metric", "CheckpointId", "BaselineCheckpointId", "Value", "Low", "High", "Count", "Seed", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AC', 'win_rate', 'checker', 'win_rate', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', 0.5625, 0.25, 0.75, 16, 3, '2026-01-05 09:00:00.123456+00');
INSERT INTO "EvaluationResults" ("RunId", "Task", "Variant", "Metric", "CheckpointId", "Value", "Count", "Seed", "CreatedAt") VALUES
  ('0198A7C0-3D5E-7B2A-9F00-0000000000AC', 'repetition', '', 'distinct-2', '0198A7C0-3D5E-7B2A-9F00-0000000000A6', 0.875, 16, 3, '2026-01-05 09:00:00.123456+00');
INSERT INTO "Metrics" ("RunId", "Step", "Name", "Value") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000aa', 20, 'eval_accuracy', 0.71875);
INSERT INTO "Completions" ("Id", "PromptId", "CheckpointId", "Text", "FinishReason", "Logprob", "CreatedAt", "RunId", "Index") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000ad', '0198a7c0-3d5e-7b2a-9f00-0000000000a4', '0198a7c0-3d5e-7b2a-9f00-0000000000a6', 'Short.' || chr(13) || chr(10) || 'Two lines.', 'stop', -12.34375, '2026-01-02 05:00:00+00', '0198a7c0-3d5e-7b2a-9f00-0000000000ac', 0);
INSERT INTO "Completions" ("Id", "PromptId", "Text", "FinishReason", "CreatedAt", "Index") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000ae', '0198a7c0-3d5e-7b2a-9f00-0000000000a4', '', 'length', '2026-01-02 05:00:00+00', 1);
INSERT INTO "ComparisonTasks" ("Id", "ProjectId", "PromptId", "CompletionAId", "CompletionBId", "Status", "JudgmentCount", "Round", "CreatedAt", "Sequence", "EvaluationRunId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000af', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a4', '0198a7c0-3d5e-7b2a-9f00-0000000000ad', '0198a7c0-3d5e-7b2a-9f00-0000000000ae', 'open', 2, 1, '2026-01-02 06:00:00+00', 5, '0198A7C0-3D5E-7B2A-9F00-0000000000AC');
INSERT INTO "Judgments" ("Id", "TaskId", "ProjectId", "AnnotatorId", "Choice", "PresentedSwapped", "LeaseToken", "Source", "Split", "DurationMs", "CreatedAt", "CycleId", "TraceParent") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000b0', '0198a7c0-3d5e-7b2a-9f00-0000000000af', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', '0198a7c0-3d5e-7b2a-9f00-0000000000a1', 'a', TRUE, '0198a7c0-3d5e-7b2a-9f00-000000000005', 'human', 'train', 5230, '2026-01-02 07:00:00+00', '0198a7c0-3d5e-7b2a-9f00-0000000000a8', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Judgments" ("Id", "TaskId", "ProjectId", "Choice", "PresentedSwapped", "Source", "Split", "DurationMs", "CreatedAt", "RetractedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000b1', '0198a7c0-3d5e-7b2a-9f00-0000000000af', '0198a7c0-3d5e-7b2a-9f00-0000000000a3', 'tie', FALSE, 'import', 'heldout', 0, '2026-01-02 07:01:00+00', '2026-01-02 08:00:00+00');
INSERT INTO "TaskLeases" ("TaskId", "Slot", "AnnotatorId", "Token", "ExpiresAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000af', 0, '0198a7c0-3d5e-7b2a-9f00-0000000000a0', '0198a7c0-3d5e-7b2a-9f00-000000000006', '2026-01-02 07:05:00+00');
INSERT INTO "RunJudgments" ("RunId", "JudgmentId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000aa', '0198a7c0-3d5e-7b2a-9f00-0000000000b0');
INSERT INTO "Inbox" ("MessageId", "Endpoint", "ReceivedAt") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000c0', 'count-judgment', '2026-01-02 07:00:01+00');
INSERT INTO "Outbox" ("MessageId", "Type", "Body", "CreatedAt", "Attempts", "Aggregate", "TraceParent") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000c1', 'training.run-progressed', '{"runId":"0198a7c0-3d5e-7b2a-9f00-0000000000ab"}', '2026-01-04 00:01:00+00', 0, '0198a7c0-3d5e-7b2a-9f00-0000000000ab', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "Outbox" ("MessageId", "Type", "Body", "CreatedAt", "Attempts", "NextAttemptAt", "DispatchedAt", "LastError", "Aggregate") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000c2', 'labeling.judgment-recorded', '{}', '2026-01-04 00:02:00+00', 3, '2026-01-04 00:03:00+00', '2026-01-04 00:02:30+00', 'broker unreachable', '0198a7c0-3d5e-7b2a-9f00-0000000000a3');
INSERT INTO "FailedMessages" ("MessageId", "Endpoint", "Type", "Body", "Attempts", "Error", "FirstFailedAt", "LastFailedAt", "SetAsideAt", "Aggregate", "OutboxId", "TraceParent") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000c3', 'start-run', 'training.start-run', '{"kind":"ppo"}', 5, 'ArgumentException: no such option' || chr(10) || '  at …', '2026-01-03 00:00:00+00', '2026-01-03 00:10:00+00', '2026-01-03 00:10:00+00', '0198a7c0-3d5e-7b2a-9f00-0000000000b3', 17, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO "FailedMessages" ("MessageId", "Endpoint", "Type", "Body", "Attempts", "Error", "FirstFailedAt", "LastFailedAt", "OutboxId") VALUES
  ('0198a7c0-3d5e-7b2a-9f00-0000000000c2', 'count-judgment', 'labeling.judgment-recorded', '{}', 3, 'timeout', '2026-01-04 00:02:00+00', '2026-01-04 00:02:10+00', 2);
