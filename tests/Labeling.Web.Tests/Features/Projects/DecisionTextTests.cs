using Labeling.Web.Features.Projects;
using Rlhf.Data.Entities;

namespace Labeling.Web.Tests.Features.Projects;

public sealed class DecisionTextTests
{
    [Theory]
    [InlineData("start", """{"available":5,"used":3,"threshold":3}""", "Cycle started with 3 of 5 waiting judgments; a cycle starts by itself at 3")]
    [InlineData("improve", """{"accuracy":0.7143,"decided":28,"gate":0.6}""", "Reward model passed: accuracy 71.4% on 28 held-out judgments, gate 60%")]
    [InlineData("improve", """{"accuracy":null,"decided":null,"gate":0.6}""", "Reward model passed: no held-out judgment to check it with (gate 60%)")]
    [InlineData("halt", """{"accuracy":0.5,"decided":null,"gate":0.6}""", "Halted before PPO: accuracy 50% on held-out judgments, gate 60%")]
    [InlineData(
        "halt",
        """{"version":2,"kl":12.5,"klBudget":10,"scoreStart":1,"score":1.25,"gain":0.25,"heldOutScoreGate":null}""",
        "Halted, policy v2 not published: KL 12.5 nats (budget 10), held-out score 1 → 1.25, gain 0.25 (no gate)")]
    [InlineData("halt", """{"reason":"the policy was rolled back to v0","stage":"ppo"}""", "Halted in the ppo stage: the policy was rolled back to v0")]
    [InlineData("publish", """{"version":2,"kl":1.5,"klBudget":null,"score":null}""", "Policy v2 published: KL 1.5 nats (no budget), no held-out score (no gate)")]
    [InlineData("roll-back", """{"fromVersion":2,"toVersion":0,"haltedCycle":3}""", "Policy rolled back from v2 to v0, cycle 3 halted; it is asked for new answers")]
    [InlineData("no-roll-back", """{"version":null,"reason":"there is no such checkpoint"}""", "Not rolled back: there is no such checkpoint")]
    [InlineData("retract", """{"retracted":4,"firstCycle":null}""", "4 judgments taken back; no cycle counts any of them")]
    [InlineData("pause", "{}", "Project paused: what runs finishes, nothing new starts")]
    [InlineData("fail", "{}", "The – run failed at step –: –")]
    [InlineData("something-new", """{"a":1,"b":null}""", "Something new: a 1, b –")]
    [InlineData("odd", "[1]", "Odd")]
    public void Of_SaysTheNumbers(string decision, string numbers, string expected) =>
        Assert.Equal(expected, DecisionText.Of(new CycleDecision { ProjectId = Guid.Empty, Decision = decision, NumbersJson = numbers }));
}
