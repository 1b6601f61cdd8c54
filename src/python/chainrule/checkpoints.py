"""The epochs that `Trainer.fit` has kept in a file.

>>> import chainrule as cr
>>> from chainrule.datasets import load_digits
>>> digits = load_digits()
>>> trainer = cr.Trainer(cr.MLP([64, 32, 10], output_activation="softmax"), loss="cross_entropy")
>>> history = trainer.fit(digits.data, digits.target, epochs=5, checkpoint="digits.run")  # doctest: +SKIP
>>> run = cr.Checkpoints("digits.run")  # doctest: +SKIP
>>> run.epochs  # doctest: +SKIP
[0, 1, 2, 3, 4, 5]
>>> run.model(3).predict(digits.data)  # doctest: +SKIP
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checkpointing import Watched
from ._checks_values import check_int
from ._files import check_path, write_whole
from ._run_entries import check_body, check_head, history_of, model_of, restore
from ._run_file import Entry, RunFile
from .history import History
from .model import MLP

if TYPE_CHECKING:
    from .trainer import Trainer


class Checkpoints:
    """What is in the file of a run: see ``checkpoint`` of `Trainer.fit`.

    Only what is asked for is read: a file may be larger than memory. Use it in a ``with`` statement, or `close` it.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    ValueError, TypeError
        If it is no such file, or damaged, or of a later version. Reading a hostile file runs no code.
    OSError
        If it cannot be read.

    Warns
    -----
    TornEntryWarning
        If the last entry was cut short; it is left out.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path(path)
        self._file = RunFile(self.path)
        try:
            if not self._file.entries:
                raise ValueError(
                    f"{self.path} holds no whole entry of a run: nothing was kept, so train from the beginning"
                )
            before: dict[str, Any] | None = None
            for entry in self._file.entries:
                before = self._checked(entry, check_head, entry.head, before)
        except BaseException:
            self.close()
            raise

    @property
    def epochs(self) -> list[int]:
        """The numbers of epochs done whose parameters are in the file; 0 is the start."""
        return sorted(self._by_epoch())

    @property
    def history(self) -> History:
        """What was measured, of all epochs, kept or not."""
        heads = [entry.head for entry in self._file.entries]
        endings = [head["ending"] for head in heads if head["ending"] is not None]
        return history_of((head["measured"] for head in heads), endings[-1] if endings else None)

    @property
    def best_epoch(self) -> int | None:
        """The number of epochs done when the run was best, for `model`, `compare` and `Trainer.resume`; it may not be among `epochs`.

        Best by what early stopping monitored, else by the validation loss or the loss; None before an epoch is done. (Entries
        of a `History` count from 0: this is its ``best_epoch + 1``.)
        """
        history = self.history
        if history.best_epoch is not None:
            return history.best_epoch + 1
        values = history.validation_loss or history.loss
        known = [i for i, value in enumerate(values) if not math.isnan(value)]
        return history.epochs[min(known, key=values.__getitem__)] + 1 if known else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the trainer, as the file holds them (docs/files.md), of what the run ended with."""
        return dict((self._body(self._entry(None)) or {})["settings"])

    @property
    def is_finished(self) -> bool:
        """Whether the last fit came to an end; if not, it is under way or was ended from outside."""
        return bool(self._file.entries[-1].head["kind"] == "end")

    def __len__(self) -> int:
        return len(self._by_epoch())

    def model(self, epoch: int | None = None) -> MLP:
        """Return the model as it was after so many epochs; None is what the run ended with, which may be the best epoch.

        Epochs done are counted here: what `History` calls epoch 0 is ``model(1)``, and ``model(run.best_epoch)`` is the best.

        Raises
        ------
        ValueError, TypeError
            If that is not in the file, or damaged.
        """
        entry = self._entry(epoch)
        model: MLP = self._checked(entry, model_of, self._body(entry))
        return model

    def compare(self, first: int, second: int) -> dict[str, dict[str, float]]:
        """Return how far the parameters moved from one epoch to another.

        Parameters
        ----------
        first, second : int
            Two of `epochs`.

        Returns
        -------
        dict
            For ``weights[0]``, ``biases[0]``, ``weights[1]``, ... a dict of ``distance``, the Euclidean norm of the difference,
            ``relative``, that divided by the norm of the first (infinity, where that is 0), and ``largest``, the largest
            difference of a number.

        Raises
        ------
        ValueError, TypeError
            If an epoch is not in the file.
        """
        a, b = self.model(first), self.model(second)
        moved = {}
        for i in range(len(a.weights)):
            for name in ("weights", "biases"):
                if getattr(a, name):
                    x, y = (np.asarray(getattr(model, name)[i], np.float64) for model in (a, b))
                    distance, size = float(np.linalg.norm(y - x)), float(np.linalg.norm(x))
                    relative = distance / size if size else (np.inf if distance else 0.0)
                    largest = float(np.abs(y - x).max(initial=0.0))
                    moved[f"{name}[{i}]"] = {"distance": distance, "relative": relative, "largest": largest}
        return moved

    def plot(self, ax: Any = None, *, most: int = 200) -> Any:
        """Draw the weights over the epochs, a line for each, a colour and dashes for each layer. Needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; None makes a new figure.
        most : int, default 200
            At most so many lines a layer, evenly chosen from its weights.

        Returns
        -------
        matplotlib Axes
        """
        check_int(most, "most", 1)
        from .plots._axes import COLORS, DASHES, MARKERS, legend_above, new_axes, nth, whole_numbers

        ax = new_axes(ax)
        epochs = self.epochs
        lines: dict[int, list[Any]] = {}
        for epoch in epochs:
            for i, weights in enumerate(self.model(epoch).weights):
                chosen = np.linspace(0, weights.size - 1, min(most, weights.size)).astype(int)
                lines.setdefault(i, []).append(weights.ravel()[chosen])
        for i, values in lines.items():
            style = {"color": nth(COLORS, i), "linestyle": nth(DASHES, i), "linewidth": 0.6, "alpha": 0.6}
            if len(epochs) == 1:  # a line of one point is not seen
                style |= {"marker": nth(MARKERS, i), "markerfacecolor": "none"}
            ax.plot(epochs, np.array(values), **style)[0].set_label(f"layer {i}")
        whole_numbers(ax)
        ax.set(xlabel="epochs done", ylabel="weight")
        legend_above(ax)
        return ax

    def verify(self) -> None:
        """Read every entry, to the last byte.

        Raises
        ------
        ValueError
            If one is damaged, or does not make a model; the message says which.
        """
        for entry in self._file.entries:
            if (body := self._body(entry)) is not None:
                self._checked(entry, model_of, body)

    def to_safetensors(self, path: str | os.PathLike[str]) -> None:
        """Write the same content as safetensors, for readers that know no pickles; all of it must fit into memory.

        docs/files.md says what the arrays are called. To save one epoch as a model, ``run.model(3).save("m.safetensors")``.

        Parameters
        ----------
        path : str or path
            A file of that name is replaced, when the new one is safely on the disk.

        Raises
        ------
        ValueError
            If an entry is damaged, or there are so many that the header would have more than 100 MB.
        OSError
            If the file cannot be written; one that was there is as before.
        """
        from ._run_tensors import encode_run

        path = check_path(path)
        write_whole(path, encode_run((entry.head, self._body(entry)) for entry in self._file.entries))

    def _restore(
        self, kind: type[Trainer], epoch: int | None, given: Mapping[str, Any]
    ) -> tuple[Trainer, Watched | None]:
        """Return the trainer after so many epochs, and what an unfinished fit had seen: for `Trainer.resume`."""
        entry = self._entry(epoch)
        trainer = self._trainer_at(entry, kind, given)
        seen = self._heads_to(entry)[-1]["watched"]
        if not seen:
            return trainer, None
        best = None
        if seen["stopper"] is not None and seen["stopper"][3] >= 0:
            best_epoch = int(seen["stopper"][3]) + 1
            if best_epoch in self._by_epoch():
                best = self._trainer_at(self._entry(best_epoch), kind, given).state
        return trainer, Watched(trainer.step, seen, best)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Checkpoints:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "finished" if self.is_finished else "not finished"
        return f"<Checkpoints of {self.path}: epochs {_some(self.epochs)}, {state}>"

    # Inside --------------------------------------------------------------------------------------------------------

    def _by_epoch(self) -> dict[int, Entry]:
        """Return the entries with parameters; of an epoch the first, which no end of a fit has changed."""
        full = [entry for entry in self._file.entries if entry.head["has_state"]]
        return {entry.head["epoch"]: entry for entry in reversed(full)}

    def _entry(self, epoch: int | None) -> Entry:
        found = self._by_epoch()
        if not found:
            raise ValueError(f"{self.path} holds no parameters")
        if epoch is None:
            return [entry for entry in self._file.entries if entry.head["has_state"]][-1]
        epoch = check_int(epoch, "epoch", 0)
        if epoch not in found:
            raise ValueError(
                f"epoch must be one of {_some(sorted(found))}, which {self.path} holds, but it is {epoch}"
            )
        return found[epoch]

    def _body(self, entry: Entry) -> dict[str, Any] | None:
        """Return what an entry holds, which must be what it says."""
        body = self._file.body(entry)
        if (body is not None) != entry.head["has_state"]:
            raise ValueError(f"{self.path}: entry {entry.frame.number} does not hold what it says it does")
        if body is not None:
            self._checked(entry, check_body, body)
        return body

    def _heads_to(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the heads up to an entry, and those after it that are about the same state."""
        heads = [other.head for other in self._file.entries]
        last = entry.frame.number + 1
        while last < len(heads) and all(heads[last][name] == entry.head[name] for name in ("epoch", "step")):
            if heads[last]["has_state"]:
                break
            last += 1
        return heads[:last]

    def _trainer_at(self, entry: Entry, kind: type[Trainer], given: Mapping[str, Any]) -> Trainer:
        heads, body = self._heads_to(entry), self._body(entry)
        trainer: Trainer = self._checked(entry, restore, kind, heads, body, dict(given))
        return trainer

    def _checked(self, entry: Entry, function: Any, *arguments: Any) -> Any:
        """Return what the function makes of an entry; say which one it was, if it refuses it."""
        try:
            return function(*arguments)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            raise ValueError(f"{self.path}, entry {entry.frame.number}: {error}") from error


def _some(numbers: Sequence[int]) -> str:
    """Return the numbers, or the ends of many, on one line."""
    if len(numbers) <= 12:
        return ", ".join(map(str, numbers))
    first, last = (", ".join(map(str, part)) for part in (numbers[:5], numbers[-3:]))
    return f"{first}, ..., {last} ({len(numbers)} in all)"
