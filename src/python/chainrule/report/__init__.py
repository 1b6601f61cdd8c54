"""A page of a network and its training: one HTML file that opens from the disk and asks nothing of a network.

`chainrule.Trainer.report` and `chainrule.History.report` write it, and ``python -m chainrule report MODEL.pkl``. It has the
configuration, the curves, what is known of the health of the layers, a confusion matrix or residuals, a diagram, and one
update to step through, in which a weight that is chosen shows its chain rule.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from chainrule._checks_values import describe
from chainrule._evaluation import Objective
from chainrule._files import check_path, write_whole
from chainrule.history import History
from chainrule.model import MLP

from ._given import Given, default_loss, rows_of, words_of
from ._html import readable
from ._page import page
from ._traced import traced

if TYPE_CHECKING:
    from chainrule.tabular import TablePreprocessing

__all__ = ["write_report"]


def write_report(
    path: str | os.PathLike[str],
    what: Any,
    X: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    history: History | None = None,
    loss: Any = None,
    rows: Any = (0,),
    trace: Any = None,
    title: str | None = None,
    preprocessing: TablePreprocessing | None = None,
    n_threads: int | None = None,
) -> None:
    """Write a report, whole or not at all.

    Parameters
    ----------
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk.
    what : Trainer or MLP
        A model alone has no settings of training and no history: the page says so where they would be.
    X, y : array-like, optional
        Rows as `chainrule.Trainer.fit` takes them, for predictions, and for the update that is stepped through; best some that
        were held out. Without them the page says what they would show.
    sample_weight : array-like, shape (rows,), optional
        How much each row counts in the update.
    history : History, optional
        What is drawn; of a trainer that of all its fits if not given.
    loss : str, object or function, optional
        Of a model alone; what fits its output activation if not given.
    rows : list of int, default (0,)
        The rows of X that the update is made with: nothing of the trainer or the model is changed by it. A single one shows
        each product of the chain rule for itself.
    trace : Trace, optional
        An update that was traced, instead of that one; the first of its steps is shown.
    title : str, optional
    preprocessing : TablePreprocessing, optional
        Of a model that the command line saved, for names and units; X and y are scaled already.
    n_threads : int, optional
        At most so many threads for predictions; None leaves the choice to the trainer, or to the core.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; the message names it, and no file is written.
    OSError
        If the file cannot be written; one that was there is as before.
    """
    path = check_path(path)
    trainer = None if isinstance(what, MLP) else what
    if trainer is not None and not isinstance(getattr(trainer, "model", None), MLP):
        raise TypeError(f"what must be a Trainer or an MLP, but it is {describe(what)}")
    if history is not None and not isinstance(history, History):
        raise TypeError(f"history must be a History, but it is {describe(history)}")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a str, but it is {describe(title)}")
    if trainer is not None and loss is not None:
        raise ValueError("loss is given, but the trainer has one; leave it away, or give the model alone")
    model: MLP = what if trainer is None else trainer.model
    notes = []
    if trainer is not None:
        objective = trainer.objective
        history = trainer.history if history is None else history
    else:
        objective = Objective(default_loss(model.network) if loss is None else loss)
        if loss is None and X is not None:
            notes.append(
                f"A saved network does not say which loss it was trained with; here {objective.loss} is taken, which is usual "
                f"with the output activation {model.network.output_activation}."
            )
    if preprocessing is not None and preprocessing.scaler is not None:
        notes.append(
            "The inputs in the diagram and the update are those of the network: scaled, as they were for training."
        )
    data = rows_of(X, y, sample_weight, model.network, objective)
    shown, why = traced(model, trainer, objective, data, rows, trace)
    if why:
        notes.append(why)
    sizes = "-".join(map(str, model.layer_sizes))
    given = Given(
        model=model,
        objective=objective,
        words=words_of(model.network, preprocessing, data),
        trainer=trainer,
        history=history,
        rows=data,
        trace=shown,
        title=f"Report of a {sizes} network" if title is None else title,
        n_threads=trainer.n_threads if trainer is not None and n_threads is None else n_threads,
        notes=notes,
    )
    write_whole(path, readable(page(given)).encode())
