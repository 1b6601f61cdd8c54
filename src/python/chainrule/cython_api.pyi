from typing import Any

from .predictor import Predictor

__all__ = ["address", "capsule"]

__pyx_capi__: dict[str, Any]

def address(predictor: Predictor) -> int: ...
def capsule(predictor: Predictor) -> Any: ...
