namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>A module that computes a result from one input.</summary>
        public abstract class Module<T, TResult>(string name) : Module(name)
        {
            /// <summary>The computation.</summary>
            public abstract TResult forward(T input);

            /// <summary>Runs the computation.</summary>
            public TResult call(T input) => forward(input);
        }

        /// <summary>A module that computes a result from two inputs.</summary>
        public abstract class Module<T1, T2, TResult>(string name) : Module(name)
        {
            /// <summary>The computation.</summary>
            public abstract TResult forward(T1 input1, T2 input2);

            /// <summary>Runs the computation.</summary>
            public TResult call(T1 input1, T2 input2) => forward(input1, input2);
        }

        /// <summary>A module that computes a result from three inputs.</summary>
        public abstract class Module<T1, T2, T3, TResult>(string name) : Module(name)
        {
            /// <summary>The computation.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            /// <summary>Runs the computation.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3) => forward(input1, input2, input3);
        }

        /// <summary>A module that computes a result from four inputs.</summary>
        public abstract class Module<T1, T2, T3, T4, TResult>(string name) : Module(name)
        {
            /// <summary>The computation.</summary>
            public abstract TResult forward(T1 input1, T2 input2, T3 input3, T4 input4);

            /// <summary>Runs the computation.</summary>
            public TResult call(T1 input1, T2 input2, T3 input3, T4 input4) => forward(input1, input2, input3, input4);
        }
    }
}
