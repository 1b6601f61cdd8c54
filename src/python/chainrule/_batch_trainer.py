"""Training on batches that come one after another, of rows that no array holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._base_trainer import BaseTrainer
from ._fit_request import batches_request
from ._fitting import fit_epochs
from .history import History
from .stopping import EarlyStopping

if TYPE_CHECKING:
    from .trainer import Trainer


class BatchTrainer(BaseTrainer):
    """Adds training on batches that come from anywhere to what a trainer is."""

    __slots__ = ()

    def fit_batches(
        self, batches: Any, *, epochs: int = 1, validation_data: tuple[Any, ...] | None = None, metrics: Any = (),
        progress: Any = False, early_stopping: EarlyStopping | None = None, time_budget: float | None = None,
        target_loss: float | None = None, tolerance: float | None = None, tolerance_epochs: int = 10, checkpoint: Any = None,
        keep: int | str = "all", checkpoint_every: int = 1, callbacks: Any = (), health: bool = False
    ) -> History:  # fmt: skip
        """Train for so many MORE epochs on batches as they come: an update with all the rows of each, in their order.

        For rows that are not in memory at once, from a generator, a database, a `DataLoader`, or one of `chainrule.streams`.
        The bits are those of `train_on_batch` with one after another, and of `fit` without shuffling on the same rows cut
        alike; ``batch_size`` and ``shuffle`` of the trainer have no say. What is not described here is as in `fit`.

        Parameters
        ----------
        batches : iterable, or function of the epoch that returns one
            Of ``(X, y)`` or ``(X, y, sample_weight)``, as `train_on_batch` takes them; at least one an epoch. In a batch,
            unlike there, all targets may be NaN and all weights 0, but not in all batches of an epoch. An iterable is iterated anew in each epoch. A function
            gets ``trainer.epoch``, the number of epochs done before, so that each epoch may have rows or an order of its
            own, and `Trainer.resume` goes on to the same bits. An iterator, such as a generator, is enough for one epoch.
            Iterators are closed (``close()``, where they have it) however the epoch ends.
        epochs : int, default 1
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Arrays, which may be memory-mapped.
        metrics : list of str or functions, default ()
            What to measure on `validation_data`, which they need: the rows of batches are gone once they were trained on.
        progress : bool, "auto" or text stream, default False
        early_stopping : EarlyStopping, optional
        time_budget, target_loss, tolerance : float, optional
            The loss of an epoch is the mean over its rows, each with its weight.
        tolerance_epochs : int, default 10
        checkpoint : str or path, optional
        keep : "all", "best" or int, default "all"
        checkpoint_every : int, default 1
        callbacks : list of Callback, default ()
            ``fit.batches`` is None where batches have no ``len``.
        health : bool, default False
            What `fit` says of it; where batches have no ``len``, every 32nd is looked at, the first among them.

        Returns
        -------
        History
            Of the epochs of this call.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, `batches` is an iterator and there are several epochs, or the optimizer takes all
            rows at once (RPROP, LBFGS, LevenbergMarquardt): nothing has changed. If an epoch has no batch, or a batch does
            not fit ("epoch 0, batch 3: X has 3 features, but this MLP expects 4"; both count from 0): the state is as after
            the batch before. If in all batches of an epoch all weights are 0 or targets NaN, which would be a loss of 0: the
            state is as after its updates, and the epoch is not counted. What an iterator itself raises comes through unchanged.
        ImportError, FloatingPointError, OSError
            As `fit`.

        Warns
        -----
        DtypeConversionWarning
            If X or y comes in a wider floating-point type than the model's.

        Examples
        --------
        >>> import chainrule as cr
        >>> import numpy as np
        >>> def batches(epoch):
        ...     rng = np.random.default_rng(epoch)
        ...     for _ in range(50):
        ...         X = rng.normal(size=(16, 2)).astype("float32")
        ...         yield X, X[:, 0] - 2 * X[:, 1]
        >>> trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.1))
        >>> history = trainer.fit_batches(batches, epochs=2)
        >>> trainer.model.weights[0].round(3)
        array([[ 1.],
               [-2.]], dtype=float32)
        """
        trainer = cast("Trainer", self)
        request = batches_request(
            trainer, batches, epochs=epochs, validation_data=validation_data, metrics=metrics, progress=progress,
            early_stopping=early_stopping, time_budget=time_budget, target_loss=target_loss, tolerance=tolerance,
            tolerance_epochs=tolerance_epochs, checkpoint=checkpoint, keep=keep, checkpoint_every=checkpoint_every,
            callbacks=callbacks, health=health
        )  # fmt: skip
        return fit_epochs(trainer, request)
