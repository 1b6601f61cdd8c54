"""Several fits side by side: seeds, folds, hyper-parameters, different networks, a thread each over the cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ._checks_values import check_choice, check_int, check_sequence
from ._many_jobs import Each, find_jobs
from ._threads import usable_threads
from .history import History
from .progress import find_display

if TYPE_CHECKING:
    from .trainer import Trainer


def each(values: Sequence[Any] | NDArray[Any]) -> Each:
    """Say that an argument of `fit_many` has another value for each of the trainers.

    Parameters
    ----------
    values : list, tuple, range or 1-D ndarray
        One for each trainer, in their order. The same object may come several times, and is then not converted again.

    Returns
    -------
    Each

    Raises
    ------
    TypeError
        If it is something else: an array of several dimensions may be meant for all of them, ``list(array)`` says otherwise.
    """
    if isinstance(values, range) or (isinstance(values, np.ndarray) and values.ndim == 1):
        return Each(tuple(values))
    return Each(check_sequence(values, "values"))


@overload
def fit_many(
    trainers: Sequence[Trainer], X: Any, y: Any, *, n_workers: int | None = None, on_error: Literal["raise"] = "raise",
    progress: Any = False, **fit_arguments: Any
) -> list[History]: ...  # fmt: skip
@overload
def fit_many(
    trainers: Sequence[Trainer], X: Any, y: Any, *, n_workers: int | None = None, on_error: Literal["keep"],
    progress: Any = False, **fit_arguments: Any
) -> list[History | Exception]: ...  # fmt: skip
def fit_many(
    trainers: Sequence[Trainer], X: Any, y: Any, *, n_workers: int | None = None, on_error: str = "raise",
    progress: Any = False, **fit_arguments: Any
) -> Any:  # fmt: skip
    """Call `Trainer.fit` of several trainers side by side; each comes to the same bits as alone.

    The arguments of all are checked before the first one trains. Fits that are likely to take long begin first. In a worker,
    a fit uses as many threads as there are for each worker, at most the trainer's ``n_threads``, which stays what it is.

    Parameters
    ----------
    trainers : list of Trainer
        No two of them may have a model, or arrays of parameters, in common.
    X, y : array-like, or `each`
        As in `Trainer.fit`: the same for all, or ``each([...])`` with one for each trainer.
    n_workers : int, optional
        How many fits are under way at once. None: as many as there are threads for a call (see ``show_config()["threads"]``:
        ``OMP_NUM_THREADS``, else what affinity and control group allow).
    on_error : "raise" or "keep", default "raise"
        What an exception of a fit does, for instance of a loss that is not finite. "raise": the other fits end between two
        batches, as by Ctrl-C, those that have not begun do not, and it is raised. "keep": the others go on, and the
        exception stands in the list in place of the history; what was measured before it is in ``trainer.history``.
    progress : bool, "auto" or text stream, default False
        One display of all fits, as in `Trainer.fit`: how many have ended, and of each the last loss.
    fit_arguments : any
        All others of `Trainer.fit`, each one value for all or ``each([...])``. A `time_budget` counts from the beginning of
        each fit. Two fits cannot write the same ``checkpoint``.

    Returns
    -------
    list of History
        As `Trainer.fit` returns them, in the order of the trainers.

    Raises
    ------
    ValueError, TypeError, ImportError
        If an argument does not fit; the message says of which trainer, and nothing has changed.
    KeyboardInterrupt
        Ctrl-C: every fit under way has ended between two batches, which takes about a tenth of a second, and every model
        is as after its last update (or its best epoch, with early stopping that restores it).
    Exception
        With ``on_error="raise"``, the first that a fit raised. A note of it (``error.__notes__``), or its message, says of
        which trainer.

    Warns
    -----
    DtypeConversionWarning
        As `Trainer.fit`, once for each array and dtype.

    Notes
    -----
    Losses, metrics, schedules and callbacks of yours run in the thread of their fit, one at a time with all other Python code:
    fits that spend their time in them gain little. One that is given to several fits is called from several threads. Optimizers
    that take all rows at once end between two iterations. The reference core leaves threads to NumPy's own library.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> models = [cr.MLP([2, 4, 1], activation="tanh", dtype="float64", seed=seed) for seed in range(3)]
    >>> trainers = [cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1)) for model in models]
    >>> histories = cr.fit_many(trainers, X, y, epochs=cr.each([10, 20, 30]))
    >>> [len(history) for history in histories]
    [10, 20, 30]
    """
    check_choice(on_error, "on_error", ("raise", "keep"))
    workers = usable_threads() if n_workers is None else check_int(n_workers, "n_workers", 1)
    if isinstance(progress, Each):
        raise TypeError("progress is one display of all fits, so it cannot be each(...); callbacks can")
    display = find_display(progress, "fit")
    jobs = find_jobs(trainers, {"X": X, "y": y, **fit_arguments})
    if not jobs:
        return []
    from ._side_by_side import run_jobs

    workers = min(workers, len(jobs))
    return run_jobs(jobs, workers, max(1, usable_threads() // workers), display, keeps=on_error == "keep")
