"""Ctrl-C in the middle of training, whenever that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chainrule._network import TrainingState


def when_trained(state: TrainingState, press: Callable[[], object]) -> None:
    """Call press() from another thread, a little after the first time that the weights of the state have changed.

    They change while a core trains: after every update in the reference, after some dozens of them natively.
    """
    before = [weights.tobytes() for weights in state.weights]

    def wait() -> None:
        while [weights.tobytes() for weights in state.weights] == before:
            time.sleep(0.001)
        time.sleep(0.02)
        press()

    threading.Thread(target=wait, daemon=True).start()
