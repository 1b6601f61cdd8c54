"""Moving in and out: networks of scikit-learn, PyTorch and Keras as an `MLP`, and back.

=====================  ==============================================  ============================================
function               from                                            to
=====================  ==============================================  ============================================
`from_sklearn`         a fitted MLPClassifier or MLPRegressor          an `MLP`
`to_sklearn`           an `MLP`                                        a fitted MLPClassifier or MLPRegressor
`from_torch`           an ``nn.Sequential``, or a state dict           an `MLP`
`to_torch`             an `MLP`                                        an ``nn.Sequential``
`to_torch_state_dict`  an `MLP`                                        a dict for ``load_state_dict``
`from_keras_weights`   ``model.get_weights()``                         an `MLP`
`to_keras_weights`     an `MLP`                                        a list for ``model.set_weights``
=====================  ==============================================  ============================================

Parameters are copied, never shared, and are the same to the bit, unless another dtype is asked for. The outputs are the
same but for rounding: each library adds up products in an order of its own. Where they would not be, the network is refused,
with an error that names the layer, the module or the array; so are parameters that are not finite.

What only training has (dropout) comes along where both sides have it. What prepares the inputs does not: scalers are fitted
again with `chainrule.preprocessing`.

scikit-learn and PyTorch are imported by the functions that need them; the functions for Keras need NumPy alone, and so does
`from_torch` of a state dict of NumPy arrays.
"""

from __future__ import annotations

from ._keras import from_keras_weights, to_keras_weights
from ._sklearn import from_sklearn, to_sklearn
from ._torch import from_torch, to_torch, to_torch_state_dict

__all__ = [
    "from_keras_weights",
    "from_sklearn",
    "from_torch",
    "to_keras_weights",
    "to_sklearn",
    "to_torch",
    "to_torch_state_dict",
]
