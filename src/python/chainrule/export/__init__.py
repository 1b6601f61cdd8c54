"""Networks as files that predict without chainrule: ONNX, a C99 header, a Python file that needs NumPy alone.

=============  ======================================================  ===================================
function       what it writes                                          what predicts with it
=============  ======================================================  ===================================
`to_onnx`      an ONNX graph (opset 17, IR version 8)                  ONNX Runtime and other runtimes
`to_c`         one header, no dependency, no memory from the heap      any C99 or C++11 compiler
`to_numpy`     one Python file                                         Python with NumPy
=============  ======================================================  ===================================

Each file holds the weights exactly, the scalers and the output activation, a few test vectors with the predictions of
the library (of the core that is in use), the largest error on them that was measured at the export, and a bound on it.

The bound, for all three. Let u = eps / 2 be the largest relative error of one rounding in the dtype of the model, higher
orders of u left out. A sum of n_in products and a bias makes fewer than 2 (n_in + 1) roundings, each of at most u times a
partial sum, and a partial sum is at most the sum of the absolute terms, S, in whatever order and with or without fused
multiply-add. So two programs differ by at most 2 (n_in + 1) u S; and if the roundings are independent, by a number with the
standard deviation ``2 u S sqrt((n_in + 1) / 3)``: it grows with the square root of n_in. Such errors are carried on by the
derivatives of the network, their squares add up, and the bound is 5 standard deviations, or the worst case where that is
less. A softmax or exponential of sums that differ by d changes by ``exp(2 d) - 1`` or ``exp(d) - 1``, relative; a step is off
by 1 where the sum is too near 0 to tell its sign.

An activation adds its own roundings. exp, tanh, log, erfc and the like are taken to be right to 8 eps, which they are in the
C libraries and runtimes in use (at most 5 by glibc's manual, and as measured in ONNX Runtime 1.32): with the library's own
8 and the arithmetic around them 20 eps.

Over random rows of networks with three layers of each activation, errors were at most 5 eps of the largest output (C, gcc 12
with glibc 2.36), 4 (NumPy) and 4 (ONNX Runtime), in float32 and float64. For 784-512-256-10 with relu and softmax, float32,
the bound is 7e-5 and the error measured in C 1e-7.
"""

from __future__ import annotations

from ._c import to_c
from ._numpy import to_numpy
from ._onnx import to_onnx

__all__ = ["to_c", "to_numpy", "to_onnx"]
