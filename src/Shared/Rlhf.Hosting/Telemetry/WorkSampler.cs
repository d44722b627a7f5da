using System.Diagnostics;
using OpenTelemetry.Trace;

namespace Rlhf.Hosting.Telemetry;

/// <summary>
/// Which traces begin: all but those of a client span without a parent. Such a span is a worker or dispatcher that looks into the database
/// twice a second whether there is something to do.
/// </summary>
internal sealed class WorkSampler : Sampler
{
    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        new(samplingParameters.Kind == ActivityKind.Client ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);
}
