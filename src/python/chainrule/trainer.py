"""Training: everything that changes while a model learns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _checks
from ._checks_values import count, describe
from ._epochs import make_update
from ._evaluation import Objective, Rows, as_rows, evaluate
from ._fit_request import fit_request
from ._fitting import fit_epochs
from ._losses import check_output_weights, loss_rule
from ._network import NO_PLATEAU, Array, TrainingState
from ._plateau import at_present
from ._rules import HAS_SQUARE, check_optimizer, rule_of
from ._settings import SETTINGS
from ._trainer_record import check_trainer_record, restore_progress, trainer_to_record
from ._training_plan import training_plan
from ._whole_batch import takes_all_rows
from .backend import core
from .history import History, Measurements
from .metrics import find_metrics
from .model import MLP
from .optimizers import SGD
from .stopping import EarlyStopping

_SGD = SGD()


class Gradients(NamedTuple):
    """The loss and its derivatives with respect to all weights and biases, in lists of arrays of their shapes."""

    loss: float
    weights: list[Array]
    biases: list[Array]


class Trainer:
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

    Attributes
    ----------
    loss, output_weights, optimizer, batch_size, shuffle, seed, n_threads
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

    __slots__ = ("__weakref__", "_history", "_model", "_state", *SETTINGS)

    loss: Any
    output_weights: tuple[float, ...] | None
    optimizer: Any
    batch_size: int | str
    shuffle: bool
    seed: int
    n_threads: int | None

    def __init__(
        self,
        model: MLP,
        *,
        loss: Any,
        output_weights: Any = None,
        optimizer: Any = _SGD,
        batch_size: Any = 32,
        shuffle: bool = True,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        if not isinstance(model, MLP):
            raise TypeError(f"model must be an MLP, but it is {describe(model)}")
        network = model.network
        self._model, self._history = model, History()
        self._state = TrainingState(
            weights=model.weights,
            biases=model.biases,
            weight_velocity=[np.zeros(shape, network.dtype) for shape in network.weight_shapes],
            bias_velocity=[np.zeros(shape, network.dtype) for shape in network.bias_shapes],
        )
        self.loss, self.output_weights, self.optimizer = loss, output_weights, optimizer
        self.batch_size, self.shuffle, self.seed, self.n_threads = batch_size, shuffle, seed, n_threads

    def __setattr__(self, name: str, value: Any) -> None:
        check = SETTINGS.get(name)
        if check is not None:
            value = check(value)
        if name == "loss":
            rule = _checks.check_trainable(self._model.network, value)
            check_output_weights(getattr(self, "output_weights", None), rule, self._model.network.n_out)
        elif name == "output_weights":
            value = check_output_weights(value, loss_rule(self.loss), self._model.network.n_out)
        elif name == "optimizer" and not takes_all_rows(value):
            if (kind := rule_of(value)) != self._state.rule:
                self.state.restart(kind, kind in HAS_SQUARE)
            self._state.plateau = NO_PLATEAU
        object.__setattr__(self, name, value)

    @property
    def model(self) -> MLP:
        """The model that is trained."""
        return self._model

    @property
    def state(self) -> TrainingState:
        """What the cores update: the parameters of the model (the same arrays), velocities, counters and losses."""
        self._state.weights, self._state.biases = self._model.weights, self._model.biases
        return self._state

    @property
    def epoch(self) -> int:
        """Whole epochs done so far."""
        return self._state.epoch

    @property
    def step(self) -> int:
        """Updates done so far."""
        return self._state.step

    @property
    def objective(self) -> Objective:
        """What is minimised: the loss, and the weights of the outputs."""
        return Objective(self.loss, self.output_weights)

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the next update; None where the optimizer chooses its steps itself."""
        if takes_all_rows(self.optimizer):
            return None
        return check_optimizer(at_present(self.optimizer, self._state)).rate_of(self.step)

    @property
    def history(self) -> History:
        """The measurements of all epochs so far, those of interrupted fits included."""
        losses = self._state.losses
        for epoch in range(len(self._history), len(losses)):  # those without measurements of their own
            self._history.append(Measurements(epoch, losses[epoch]))
        return self._history

    def plan(self, rows: int | None = None) -> dict[str, Any]:
        """Say how the core in use would train: which instruction set, blocks and threads, and why.

        Parameters
        ----------
        rows : int, optional
            Rows there are to learn from, where they may be fewer than `batch_size` or the batch is ``"full"``.

        Returns
        -------
        dict
            Texts by name, made to be printed: ``backend``, ``batch``, ``way``, ``threads``; of the native core also
            ``instruction_set``, ``update``, ``tile``, ``memory`` and, for each layer, ``layer_0``, ``layer_1``, ... The number of
            threads is a limit: while training, the native core measures whether one thread is faster.

        Raises
        ------
        ValueError, TypeError
            If `rows` is no whole number from 1 to 2^32 - 1, or is missing where the batch is ``"full"``.

        Examples
        --------
        >>> import chainrule as cr
        >>> with cr.backend("reference"):
        ...     cr.Trainer(cr.MLP([2, 3, 1]), loss="mean_squared_error").plan()
        backend  reference
        batch    32 rows
        way      each function of chainrule.reference in turn
        threads  as many as NumPy's own library of products takes
        """
        optimizer = at_present(self.optimizer, self._state)
        return training_plan(
            self._model.network, self.objective, optimizer, self.batch_size, self.n_threads, rows
        )

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        class_weight: Any = None,
        epochs: int = 1,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float | None = None,
        stratify: bool = False,
        metrics: Any = (),
        progress: Any = False,
        early_stopping: EarlyStopping | None = None,
        time_budget: float | None = None,
        target_loss: float | None = None,
        tolerance: float | None = None,
        tolerance_epochs: int = 10,
    ) -> History:
        """Train for so many MORE epochs, or until one of the arguments ends it.

        Interrupted (Ctrl-C, or an error), the model stays as after the last update, and epochs that were finished
        are in ``trainer.history``; another `fit` goes on from there, with a new epoch. With early stopping that restores
        the best, the model is as after the best epoch, whatever ends the fit; epochs and updates are counted on.
        ``history.stopped_because`` says what ended it, ``history.best_epoch`` which epoch was the best. Each fit looks
        for the best among its own epochs.

        Parameters
        ----------
        X : array-like, shape (rows, features)
        y : array-like
            Numbers (rows, outputs), for one output also (rows,); or class labels from 0 on, (rows,), as integers. NaN among
            numbers is a target that is missing: it has no loss and no gradient.
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
        progress : bool or text stream, default False
            True writes one line per epoch to standard error.
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

        Warns
        -----
        DtypeConversionWarning
            If X or y comes in a wider floating-point type than the model's.
        """
        request = fit_request(
            self, X, y, sample_weight=sample_weight, class_weight=class_weight, epochs=epochs,
            validation_data=validation_data, validation_split=validation_split, stratify=stratify, metrics=metrics,
            progress=progress, early_stopping=early_stopping, time_budget=time_budget, target_loss=target_loss,
            tolerance=tolerance, tolerance_epochs=tolerance_epochs
        )  # fmt: skip
        before = len(self.history)
        fit_epochs(self, request)
        return self.history.since(before)

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
        return evaluate(self._model, rows, self.objective, measures, self.n_threads)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in SETTINGS)
        return f"Trainer({self._model!r}, {settings}) after {count(self.epoch, 'epoch')}"

    # Inside --------------------------------------------------------------------------------------------------------

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        return as_rows(X, y, self._model.network, self.objective, sample_weight=sample_weight)

    def __getstate__(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in SETTINGS}
        return trainer_to_record(self._model, settings, self._state, self.history)

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_trainer_record(record)
        Trainer.__init__(self, fields["model"], **{name: fields[name] for name in SETTINGS})
        restore_progress(fields, self._model.network, self._state, self._history)
