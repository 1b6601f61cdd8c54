"""Tensors of PyTorch as NumPy arrays."""

from __future__ import annotations

from typing import Any

from chainrule._checks_values import describe
from chainrule._network import Array

from ._layers import as_floats


def tensor_to_array(tensor: Any, name: str, torch: Any) -> Array:
    """Return a floating-point tensor of any device as a float32 or float64 array; it may share the tensor's memory.

    Raises
    ------
    TypeError, ValueError
        If it is no tensor, has no numbers (lazy, meta), is sparse, quantised or of another type than float16, bfloat16,
        float32 and float64, or a number is not finite.
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name} must be a tensor, but it is {describe(tensor)}")
    if torch.nn.parameter.is_lazy(tensor):
        raise ValueError(
            f"{name} has no values yet, as its module is lazy; call the module with a batch first"
        )
    if tensor.is_meta:
        raise ValueError(
            f"{name} is on the device meta, so that it has a shape but no values; load them first"
        )
    if tensor.is_quantized:
        raise TypeError(f"{name} is quantised ({tensor.dtype}); use dequantize()")
    if tensor.layout is not torch.strided:
        raise TypeError(f"{name} is sparse ({tensor.layout}); use to_dense()")
    if tensor.dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise TypeError(f"{name} must be float16, bfloat16, float32 or float64, but it is {tensor.dtype}")
    dtype = torch.float64 if tensor.dtype is torch.float64 else torch.float32
    try:
        array = (
            tensor.detach().to("cpu", dtype).numpy(force=True)
        )  # force: tensors that are lazily negated too
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise TypeError(f"{name} cannot be made an array: {error}") from error
    return as_floats(array, name)
