"""A fit that is refused changes nothing: what an estimator was before, and the way back."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np

NOT_OF_FITS = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
"""What scikit-learn itself keeps in the estimator while `fit` runs, and takes away at its end."""


class Attempt:
    """Puts the attributes of an estimator back where an error comes before the first update of parameters.

    Some of what is wrong is found late: scikit-learn's code sets attributes while it validates, and a loss that does not fit
    the labels is found by the core. After an update there is no way back, as parameters are changed in place.

    Parameters
    ----------
    estimator : BaseMultilayerPerceptron

    Attributes
    ----------
    has_updates : bool
        Whether parameters were changed; set by those who do.
    """

    def __init__(self, estimator: Any) -> None:
        self.has_updates = False
        self._attributes = vars(estimator)
        self._before = dict(self._attributes)
        self._random_state: np.random.RandomState | None = None
        self._draws: Any = None

    def __enter__(self) -> Attempt:  # noqa: PYI034 - typing has Self from Python 3.11 on
        return self

    def draws_from(self, random_state: Any) -> None:
        """Give back what is drawn from now on of a generator of the user's, if the fit is refused; a seed has one for each fit."""
        if isinstance(random_state, np.random.RandomState):
            self._random_state, self._draws = random_state, random_state.get_state(legacy=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not self.has_updates:
            kept = {name: self._attributes[name] for name in NOT_OF_FITS if name in self._attributes}
            self._attributes.clear()
            self._attributes.update({**self._before, **kept})
            if self._random_state is not None:
                self._random_state.set_state(self._draws)
