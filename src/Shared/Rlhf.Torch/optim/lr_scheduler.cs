namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>Learning rates that change from step to step.</summary>
        public static class lr_scheduler
        {
            /// <summary>The initial rate times lr_lambda(step).</summary>
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false) =>
                new Schedule(optimizer, (initial, epoch) => initial * lr_lambda(epoch), last_epoch);

            /// <summary>From start_factor to end_factor times the initial rate in total_iters steps, then constant.</summary>
            public static LRScheduler LinearLR(
                Optimizer optimizer,
                double start_factor = 1.0 / 3,
                double end_factor = 1.0,
                int total_iters = 5,
                int last_epoch = -1,
                bool verbose = false) =>
                new Schedule(
                    optimizer,
                    (initial, epoch) => initial * (start_factor + ((end_factor - start_factor) * Math.Min(total_iters, epoch) / total_iters)),
                    last_epoch);

            /// <summary>From the initial rate to eta_min along half a cosine of T_max steps.</summary>
            public static LRScheduler CosineAnnealingLR(
                Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false) =>
                new Schedule(optimizer, (initial, epoch) => eta_min + ((initial - eta_min) * (1 + Math.Cos(Math.PI * epoch / T_max)) / 2), last_epoch);

            /// <summary>Sets the learning rate of every group of an optimizer as a function of the steps taken.</summary>
            public abstract class LRScheduler
            {
                private readonly Optimizer optimizer;
                private readonly Func<double, int, double> rate;
                private int epoch;

                private protected LRScheduler(Optimizer optimizer, Func<double, int, double> rate, int lastEpoch)
                {
                    this.optimizer = optimizer;
                    this.rate = rate;
                    epoch = lastEpoch;
                    Advance(epoch + 1);
                }

                /// <summary>Goes one step on.</summary>
                public virtual void step() => Advance(epoch + 1);

                /// <summary>Goes to that step, or one step on.</summary>
                public virtual void step(int? epoch) => Advance(epoch ?? (this.epoch + 1));

                /// <summary>Goes to that step, or one step on; the measured value is not used by these schedules.</summary>
                public virtual void step(double current, int? epoch = null) => step(epoch);

                /// <summary>The learning rate of each group now.</summary>
                public IEnumerable<double> get_last_lr() => optimizer.ParamGroups.Select(group => group.LearningRate);

                private void Advance(int to)
                {
                    epoch = to;
                    foreach (var group in optimizer.ParamGroups)
                    {
                        group.LearningRate = rate(group.InitialLearningRate, epoch);
                    }
                }
            }

            private sealed class Schedule(Optimizer optimizer, Func<double, int, double> rate, int lastEpoch)
                : LRScheduler(optimizer, rate, lastEpoch);
        }
    }
}
