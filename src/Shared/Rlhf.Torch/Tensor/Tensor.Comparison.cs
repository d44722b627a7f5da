using TorchSharp.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>Where every element equals its partner (broadcast), as truth values.</summary>
        public Tensor eq(Tensor target) => Aten.Call("eq.Tensor", this, target);

        /// <summary>Where every element equals the number, as truth values.</summary>
        public Tensor eq(Scalar target) => Aten.Call("eq.Scalar", this, target);

        /// <summary>Where every element equals its partner: 1 or 0, in place.</summary>
        public Tensor eq_(Tensor target) => Aten.CallInPlace(this, "eq_.Tensor", this, target);

        /// <summary>Where every element equals the number: 1 or 0, in place.</summary>
        public Tensor eq_(Scalar target) => Aten.CallInPlace(this, "eq_.Scalar", this, target);

        /// <summary>Where every element differs from its partner (broadcast), as truth values.</summary>
        public Tensor ne(Tensor target) => Aten.Call("ne.Tensor", this, target);

        /// <summary>Where every element differs from the number, as truth values.</summary>
        public Tensor ne(Scalar target) => Aten.Call("ne.Scalar", this, target);

        /// <summary>Where every element differs from its partner: 1 or 0, in place.</summary>
        public Tensor ne_(Tensor target) => Aten.CallInPlace(this, "ne_.Tensor", this, target);

        /// <summary>Where every element differs from the number: 1 or 0, in place.</summary>
        public Tensor ne_(Scalar target) => Aten.CallInPlace(this, "ne_.Scalar", this, target);

        /// <summary>Where every element is less than its partner (broadcast), as truth values.</summary>
        public Tensor lt(Tensor target) => Aten.Call("lt.Tensor", this, target);

        /// <summary>Where every element is less than the number, as truth values.</summary>
        public Tensor lt(Scalar target) => Aten.Call("lt.Scalar", this, target);

        /// <summary>Where every element is less than its partner: 1 or 0, in place.</summary>
        public Tensor lt_(Tensor target) => Aten.CallInPlace(this, "lt_.Tensor", this, target);

        /// <summary>Where every element is less than the number: 1 or 0, in place.</summary>
        public Tensor lt_(Scalar target) => Aten.CallInPlace(this, "lt_.Scalar", this, target);

        /// <summary>Where every element is at most its partner (broadcast), as truth values.</summary>
        public Tensor le(Tensor target) => Aten.Call("le.Tensor", this, target);

        /// <summary>Where every element is at most the number, as truth values.</summary>
        public Tensor le(Scalar target) => Aten.Call("le.Scalar", this, target);

        /// <summary>Where every element is at most its partner: 1 or 0, in place.</summary>
        public Tensor le_(Tensor target) => Aten.CallInPlace(this, "le_.Tensor", this, target);

        /// <summary>Where every element is at most the number: 1 or 0, in place.</summary>
        public Tensor le_(Scalar target) => Aten.CallInPlace(this, "le_.Scalar", this, target);

        /// <summary>Where every element is greater than its partner (broadcast), as truth values.</summary>
        public Tensor gt(Tensor target) => Aten.Call("gt.Tensor", this, target);

        /// <summary>Where every element is greater than the number, as truth values.</summary>
        public Tensor gt(Scalar target) => Aten.Call("gt.Scalar", this, target);

        /// <summary>Where every element is greater than its partner: 1 or 0, in place.</summary>
        public Tensor gt_(Tensor target) => Aten.CallInPlace(this, "gt_.Tensor", this, target);

        /// <summary>Where every element is greater than the number: 1 or 0, in place.</summary>
        public Tensor gt_(Scalar target) => Aten.CallInPlace(this, "gt_.Scalar", this, target);

        /// <summary>Where every element is at least its partner (broadcast), as truth values.</summary>
        public Tensor ge(Tensor target) => Aten.Call("ge.Tensor", this, target);

        /// <summary>Where every element is at least the number, as truth values.</summary>
        public Tensor ge(Scalar target) => Aten.Call("ge.Scalar", this, target);

        /// <summary>Where every element is at least its partner: 1 or 0, in place.</summary>
        public Tensor ge_(Tensor target) => Aten.CallInPlace(this, "ge_.Tensor", this, target);

        /// <summary>Where every element is at least the number: 1 or 0, in place.</summary>
        public Tensor ge_(Scalar target) => Aten.CallInPlace(this, "ge_.Scalar", this, target);

        /// <summary>Where both elements are not zero.</summary>
        public Tensor logical_and(Tensor other) => Aten.Call("logical_and", this, other);

        /// <summary>Where both elements are not zero, in place.</summary>
        public Tensor logical_and_(Tensor other) => Aten.CallInPlace(this, "logical_and_", this, other);

        /// <summary>Where at least one of both elements is not zero.</summary>
        public Tensor logical_or(Tensor other) => Aten.Call("logical_or", this, other);

        /// <summary>Where at least one of both elements is not zero, in place.</summary>
        public Tensor logical_or_(Tensor other) => Aten.CallInPlace(this, "logical_or_", this, other);

        /// <summary>Where exactly one of both elements is not zero.</summary>
        public Tensor logical_xor(Tensor other) => Aten.Call("logical_xor", this, other);

        /// <summary>Where exactly one of both elements is not zero, in place.</summary>
        public Tensor logical_xor_(Tensor other) => Aten.CallInPlace(this, "logical_xor_", this, other);

        /// <summary>Where the element is zero.</summary>
        public Tensor logical_not() => Aten.Call("logical_not", this);

        /// <summary>Where the element is zero, in place.</summary>
        public Tensor logical_not_() => Aten.CallInPlace(this, "logical_not_", this);

        /// <summary>The bits set in both elements; "and" for truth values.</summary>
        public Tensor bitwise_and(Tensor other) => Aten.Call("bitwise_and.Tensor", this, other);

        /// <summary>The bits set in one of both elements; "or" for truth values.</summary>
        public Tensor bitwise_or(Tensor other) => Aten.Call("bitwise_or.Tensor", this, other);

        /// <summary>The bits set in exactly one of both elements.</summary>
        public Tensor bitwise_xor(Tensor other) => Aten.Call("bitwise_xor.Tensor", this, other);

        /// <summary>Every bit turned over; "not" for truth values.</summary>
        public Tensor bitwise_not() => Aten.Call("bitwise_not", this);

        /// <summary>Where the element is neither infinite nor not-a-number.</summary>
        public Tensor isfinite() => Aten.Call("isfinite", this);

        /// <summary>Where the element is not a number.</summary>
        public Tensor isnan() => Aten.Call("isnan", this);

        /// <summary>Where the element is infinite.</summary>
        public Tensor isinf() => Aten.Call("isinf", this);

        /// <summary>Whether all elements are within rtol * |target| + atol of their partner.</summary>
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => Aten.CallScalar("allclose", this, target, rtol, atol, equal_nan).ToBoolean();
    }
}
