"""The course of a fit as a plot, in the manner of scikit-learn's displays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from chainrule.plots._axes import new_axes, whole_numbers
from chainrule.plots._courses import Course, draw_courses


class LossCurveDisplay:
    """The loss of each epoch, and what was measured on rows that were held out.

    Use `from_estimator` to create one; the parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : sequence of float
        The training loss of each epoch.
    validation_loss_curve : sequence of float, default=None
        The loss on held-out rows after each epoch.
    validation_scores : sequence of float, default=None
        The score on held-out rows after each epoch. They have an axis of their own at the right.
    score_name : str, default=None
        What that axis is called; "Score" if it is not given.
    name : str, default=None
        What the labels of the lines begin with.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the losses.
    score_ax_ : matplotlib Axes or None
        With the scores, if there are any.
    figure_ : matplotlib Figure
        The figure that has the axes.
    lines_ : list of matplotlib Line2D
        Training loss, validation loss, validation scores: those there are.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from chainrule.sklearn import LossCurveDisplay, MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(early_stopping=True, random_state=0).fit(X, y)
    >>> [line.get_label() for line in LossCurveDisplay.from_estimator(model).lines_]
    ['MLPClassifier, training loss', 'MLPClassifier, validation loss', 'MLPClassifier, validation accuracy']
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None,
        score_name: str | None = None,
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.score_name = score_name
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        name: str | None = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Draw the course of the fit of an estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted, of this library or of scikit-learn, or a pipeline that ends with one.
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if it is not given.
        name : str, default=None
            What the labels of the lines begin with; the class of the estimator if it is not given.
        line_kw : dict, default=None
            Passed to each call of matplotlib's ``plot``.

        Returns
        -------
        LossCurveDisplay
            The display, which is drawn.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If its fit recorded no loss after each epoch.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        while isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        kind = type(estimator).__name__
        loss_curve = getattr(estimator, "loss_curve_", None)
        if loss_curve is None:
            solver = getattr(estimator, "solver", None)
            reason = (
                " because solver='lbfgs' has no epochs; fit it with 'sgd' or 'adam'"
                if solver == "lbfgs"
                else ""
            )
            raise ValueError(f"estimator must have a loss_curve_, but this {kind} has none{reason}")
        display = cls(
            loss_curve=loss_curve,
            validation_loss_curve=getattr(estimator, "validation_loss_curve_", None),
            validation_scores=getattr(estimator, "validation_scores_", None),
            score_name="accuracy" if is_classifier(estimator) else "R²",
            name=kind if name is None else name,
        )
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, name: str | None = None, line_kw: Mapping[str, Any] | None = None
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a new figure if it is not given.
        name : str, default=None
            What the labels of the lines begin with; the display's own name if it is not given.
        line_kw : dict, default=None
            Passed to each call of matplotlib's ``plot``.

        Returns
        -------
        LossCurveDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        ax = new_axes(ax)
        style = _long_names(line_kw or {})
        name = self.name if name is None else name
        score = self.score_name or "score"
        begin = "" if name is None else f"{name}, "
        described = (
            ("training loss", self.loss_curve, "-"),
            ("validation loss", self.validation_loss_curve, "--"),
            (f"validation {score}", self.validation_scores, ":"),
        )
        courses = [
            Course(f"{begin}{label}", values, {"linestyle": dashes, **style}, dashes == ":")
            for label, values, dashes in described
            if values is not None and len(values)
        ]
        epochs = range(1, max((len(course.values) for course in courses), default=0) + 1)
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.score_ax_ = draw_courses(ax, epochs, courses, score[:1].upper() + score[1:])
        whole_numbers(ax)
        ax.set(xlabel="Epoch", ylabel="Loss")
        return self


def _long_names(line_kw: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of lines by their long names: matplotlib refuses "ls" beside "linestyle"."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return dict(normalize_kwargs(dict(line_kw), Line2D))
