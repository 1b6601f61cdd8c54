"""Training: everything that changes while a model learns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ._batch_trainer import BatchTrainer
from ._epochs import make_update
from ._evaluation import Evaluation, Rows, as_rows
from ._fit_request import fit_request
from ._fitting import fit_epochs
from ._manual_trainer import ManualTrainer
from ._reporting_trainer import ReportingTrainer
from ._traced_trainer import TracedTrainer
from .backend import core
from .history import History
from .metrics import find_metrics
from .passes import Gradients
from .stopping import EarlyStopping

if TYPE_CHECKING:
    from ._health_findings import HealthReport


class Trainer(ManualTrainer, BatchTrainer, TracedTrainer, ReportingTrainer):
    """Trains a model by gradient descent on batches of rows; holds the velocities, the counters and the history.

    The result is a function of the data, the arguments and the seed: neither the number of threads nor the way the
    epochs are split into calls of `fit` changes it.

    Parameters
    ----------
    model : MLP
        Its parameters change in place. Several trainers may work on one model, one at a time.
    loss : str, object or function
        One of `chainrule.losses`: a name, or an object such as ``losses.Huber(delta=2)``; or a function of yours, called
        once a batch on one thread: ``(prediction, target) -> (value, gradient)``, the mean loss of the rows and its
        derivative by the prediction, all arrays (rows, outputs); class labels come as rows of 0 and 1. The
        arrays of the model hold its parameters between calls only: what the function writes into them is lost.
    output_weights : list of float, optional
        A factor for the loss of each output, at least 0.
    optimizer : default SGD()
        One of `SGD`, `Adam`, `AdamW`, `RMSprop`, `Adagrad`, `RPROP`, `LBFGS`, `LevenbergMarquardt`. What it remembers
        of past updates is kept until it becomes one of another kind.
    batch_size : int or "full", default 32
        Rows per update; the last batch of an epoch may be smaller.
    shuffle : bool, default True
        Whether the rows come in another order in each epoch.
    seed : int, default 0
        Of the orders of the rows, the dropout masks and the noise, ``0 <= seed < 2^64``.
    n_threads : int, optional
        At most so many threads; None leaves the choice to the core.
    frozen : list of int, default ()
        Layers of weights that do not learn, numbered from 0 on; see `freeze`.

    Attributes
    ----------
    loss, output_weights, optimizer, batch_size, shuffle, seed, n_threads, frozen
        The arguments. They may be set at any time, and are checked when they are.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit the description above; the message names it.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLP([2, 3, 1], activation="tanh", output_activation="sigmoid", dtype="float64", seed=1)
    >>> trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.SGD(0.5, momentum=0.9), batch_size=4)
    >>> history = trainer.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=200)
    >>> model.predict([[0, 1]]).round()
    array([[1.]])
    """

    __slots__ = ()

    def fit(
        self, X: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None, epochs: int = 1,
        validation_data: tuple[Any, Any] | None = None, validation_split: float | None = None, stratify: bool = False,
        metrics: Any = (), progress: Any = False, early_stopping: EarlyStopping | None = None,
        time_budget: float | None = None, target_loss: float | None = None, tolerance: float | None = None,
        tolerance_epochs: int = 10, checkpoint: Any = None, keep: int | str = "all", checkpoint_every: int = 1,
        callbacks: Any = (), health: bool = False
    ) -> History:  # fmt: skip
        """Train for so many MORE epochs, or until one of the arguments ends it.

        Interrupted (Ctrl-C, or an error), the model stays as after the last update, and epochs that were finished
        are in ``trainer.history``; another `fit` goes on from there, with a new epoch. With early stopping that restores
        the best, the model is as after the best epoch, whatever ends the fit; epochs and updates are counted on.
        ``history.stopped_because`` says what ended it, ``history.best_epoch`` which epoch was the best. Each fit looks
        for the best among its own epochs.

        Parameters
        ----------
        X : array-like, shape (rows, features)
            An array of the model's dtype is read where it lies, in a file too that `numpy.memmap` or
            ``numpy.load(..., mmap_mode="r")`` maps; anything else is copied. For rows that no array holds see `fit_batches`.
        y : array-like
            Numbers (rows, outputs), for one output also (rows,); or class labels from 0 on, (rows,), as integers. NaN among
            numbers is a target that is missing: it has no loss and no gradient (a loss of one's own receives it, and is to see
            to that itself). Numbers of the model's dtype and labels of int64 are not copied.
        sample_weight : array-like, shape (rows,), optional
            How much a row counts, 0 or from 1e-20 to 1e20. The loss of a batch is divided by the sum of its weights.
        class_weight : "balanced" or mapping of labels to weights, optional
            How much the rows of a class count, times `sample_weight`; "balanced" lets all classes count the same.
        epochs : int, default 1
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Rows to measure loss and metrics on after each epoch. Metrics know no weights.
        validation_split : float, optional
            Instead of these: the share of the rows, more than 0 and less than 1, that is not trained on but measured.
            They are those of ``train_test_split(..., test_size=validation_split, seed=trainer.seed)`` from
            `chainrule.preprocessing`, so that each fit on as many rows holds out the same; if the trainer has
            ``shuffle=False``, they are the last rows. Both parts are copies.
        stratify : bool, default False
            Whether `validation_split` takes its share of each class in y (labels, or rows of 0 and 1).
        metrics : list of str or functions, default ()
            What to measure before the first epoch, to see that it can be, and after each; see `chainrule.metrics`.
            They cost a prediction of all rows each time.
        progress : bool, "auto" or text stream, default False
            True shows a bar on standard error where tqdm is installed and it is a terminal, or in a notebook, and else lines
            of text; "auto" does so on a terminal or in a notebook only. A stream gets lines of text.
        early_stopping : EarlyStopping, optional
            When to stop because what it monitors gets no better.
        time_budget : float, optional
            Seconds. When they are over, training ends after the update under way: the epochs done depend on the
            machine. Updates of an unfinished epoch stay, as after Ctrl-C.
        target_loss : float, optional
            Stop after the first epoch whose loss (of training) is at most this.
        tolerance : float, optional
            Stop when the loss (of training) has not fallen by more than this over `tolerance_epochs` epochs.
        tolerance_epochs : int, default 10
            At least 1.
        checkpoint : str or path, optional
            A file that each epoch is added to, with everything: `Trainer.resume` goes on from it to the same bits after the
            process was killed, `Checkpoints` shows what is in it. A file that is there must end where this trainer is.
        keep : "all", "best" or int, default "all"
            Which epochs stay in the file with their parameters: all; the best one (by what early stopping monitors, else by
            the validation loss or the loss) and the last; or so many last ones. What was measured stays of all.
        checkpoint_every : int, default 1
            After how many epochs one is written: more than 1 for epochs that take less than some milliseconds. The best so
            far that early stopping would restore, and the last, are written in any case.
        callbacks : list of Callback, default ()
            Called at the beginning, around each epoch, after each batch and at the end, as far as they define methods for
            it; see `Callback`. What they remember themselves is in no checkpoint.
        health : bool, default False
            Whether to record the gradients, activations, weights and updates of each layer, in up to eight updates of each epoch:
            ``history.health`` has them, and `health` says what is wrong, if anything is. What is learned is the same to
            the bit. Optimizers that take all rows at once have no such record.

        Returns
        -------
        History
            Of the epochs of this call.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it, and nothing has changed.
        ImportError
            If a metric needs scikit-learn, which is not installed; nothing has changed.
        FloatingPointError
            If a loss, a gradient or a parameter is not finite; the message says where. The model is as before that
            update, or as after the best epoch.
        OSError
            If the checkpoint cannot be written. The model is as after the last epoch; the file has those before.

        Warns
        -----
        DtypeConversionWarning
            If X or y comes in a wider floating-point type than the model's.
        """
        request = fit_request(
            self, X, y, sample_weight=sample_weight, class_weight=class_weight, epochs=epochs,
            validation_data=validation_data, validation_split=validation_split, stratify=stratify, metrics=metrics,
            progress=progress, early_stopping=early_stopping, time_budget=time_budget, target_loss=target_loss,
            tolerance=tolerance, tolerance_epochs=tolerance_epochs, checkpoint=checkpoint, keep=keep,
            checkpoint_every=checkpoint_every, callbacks=callbacks, health=health
        )  # fmt: skip
        return fit_epochs(self, request)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        *,
        epoch: int | None = None,
        loss: Any = None,
        optimizer: Any = None,
    ) -> Trainer:
        """Return the trainer that wrote a checkpoint, with its model, as it was at the end of the run or after another epoch.

        ``fit`` then trains for more epochs; with the same arguments, the same rows (which nothing checks) and ``epochs`` less
        ``trainer.epoch``, it comes to the same bits as a run that nothing ended, if the process was ended from outside, or the
        fit came to its end or an error without going back to a best epoch. Early stopping that went back leaves the best
        parameters, and another fit begins to look anew; ``resume(path, epoch=Checkpoints(path).epochs[-1])`` has those of the
        last epoch. Give ``checkpoint=path`` to ``fit`` again, or nothing more is written.

        Parameters
        ----------
        path : str or path
            The file that `fit` was given as ``checkpoint``.
        epoch : int, optional
            How many epochs were done; it must be among ``Checkpoints(path).epochs``. None is what the run ended with: the last
            one, or the best, if early stopping went back to it. To go on from an earlier one, `fit` needs another file.
        loss, optimizer : optional
            To be used instead of what was used; needed where that was, or had, a function of yours.

        Raises
        ------
        ValueError, TypeError
            If the file is no checkpoint, or damaged, or of a later version, or an argument does not fit.
        OSError
            If it cannot be read.

        Warns
        -----
        TornEntryWarning
            If the last entry was cut short; it is left out.
        """
        from .checkpoints import Checkpoints

        given = {
            name: value for name, value in (("loss", loss), ("optimizer", optimizer)) if value is not None
        }
        with Checkpoints(path) as run:
            trainer, unfinished = run._restore(cls, epoch, given)
        trainer.unfinished = unfinished
        return trainer

    def train_on_batch(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Make one update with all the rows; return their loss before it. Counts as a step, not as an epoch.

        Raises
        ------
        ValueError, TypeError, FloatingPointError
            As `fit`.
        """
        loss = make_update(self, self._rows(X, y, sample_weight))
        return self.gradients(X, y, sample_weight).loss if loss is None else loss

    def gradients(self, X: Any, y: Any, sample_weight: Any = None) -> Gradients:
        """Return the loss and its derivatives, as the next update with these rows would use them; nothing changes.

        Weight decay is not in them. With dropout and noise, these are those of the next step.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it.
        """
        model, rows = self._model, self._rows(X, y, sample_weight)
        found = core().gradients(
            model.network,
            model.weights,
            model.biases,
            rows.inputs,
            rows.target,
            loss=self.loss,
            sample_weight=rows.weight,
            output_weights=self.output_weights,
            seed=self.seed,
            step=self._state.step,
            n_threads=self.n_threads,
        )
        return Gradients(*found)

    def evaluate(self, X: Any, y: Any, metrics: Any = (), sample_weight: Any = None) -> dict[str, float]:
        """Return the loss and the metrics of the prediction, without dropout and noise.

        Parameters
        ----------
        X, y : array-like
            As in `fit`.
        metrics : list of str or functions, default ()
            See `chainrule.metrics`. They know no weights, and leave rows out where a target is missing.
        sample_weight : array-like, shape (rows,), optional
            As in `fit`, for the loss.

        Returns
        -------
        dict
            ``"loss"``, and each metric by its name.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit; the message names it.
        """
        measures = find_metrics(metrics)
        rows = self._rows(X, y, sample_weight)
        return Evaluation(self._model, rows, self.objective).measure(measures, self.n_threads)

    def health(self) -> HealthReport:
        """Say in plain words what is wrong with the last fit that was given ``health=True``, why, and what usually helps.

        It knows gradients that vanish or explode, dead and saturated units, a learning rate that is too high or too low,
        overfitting (of fits with validation data), inputs or targets that are not scaled, weights that a penalty has shrunk, and
        outputs that are the same for every row. A fit that ended with FloatingPointError is judged too.

        Returns
        -------
        HealthReport
            Its text is the report, `HealthReport.findings` a list of `Finding`, empty if nothing is wrong.

        Raises
        ------
        ValueError
            If no fit was given ``health=True``.

        Notes
        -----
        docs/health.md has the rules with their bounds. They are about fits of five epochs and more; of fewer, only what single
        epochs show is reported. It is no proof that all is well.

        Examples
        --------
        >>> import chainrule as cr
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(200, 4))
        >>> model = cr.MLP([4, *[16] * 8, 1], activation="sigmoid", dtype="float64", seed=0)
        >>> trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.05))
        >>> history = trainer.fit(X, X[:, 0], epochs=20, health=True)
        >>> trainer.health().findings[0].words
        'The gradients vanish on their way back through the 9 layers (sigmoid): layer 1 learns next to nothing.'
        """
        from ._health_seen import seen_of
        from .health import report_of

        return report_of(seen_of(self._model.network, self.history, self.health_began, "this trainer"))

    # Inside --------------------------------------------------------------------------------------------------------

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        return as_rows(X, y, self._model.network, self.objective, sample_weight=sample_weight)
