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
orders of u left out. A sum of n_in products and a bias, in whatever order and with or without fused multiply-add, is off
by at most (n_in + 1) u times the sum of the absolute terms; two programs differ by twice that. It grows with n_in, and
is carried on: through weights by their absolute values, through an activation by its largest slope (exp(d) - 1 relative
for an exponential or softmax, and a whole step where a sum is too near 0 to tell its sign). An activation adds its own
roundings. exp, tanh, log, erfc and the like are taken to be right to 8 eps, which they are in the C libraries and
runtimes in use (at most 5 by glibc's manual, and as measured in ONNX Runtime 1.32): with the library's own 8 and the
arithmetic around them 20 eps. The bound in a file is this, added up along the test vectors. It is one for the worst
case; over random rows of networks with three layers of each activation, errors were at most 5 eps of the largest output
(C, gcc 12 with glibc 2.36), 4 (NumPy) and 4 (ONNX Runtime), in float32 and float64.
"""

from __future__ import annotations

from ._c import to_c
from ._numpy import to_numpy
from ._onnx import to_onnx

__all__ = ["to_c", "to_numpy", "to_onnx"]
