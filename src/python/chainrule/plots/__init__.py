"""Pictures of networks and of how they learn, by matplotlib (the extra ``plot``). Each function returns the axes it drew on.

Each takes ``ax``, where to draw; without it there is a new figure. Lines differ by their dashes and markers, areas by
hatches or shades of grey, so that a print in black and white says the same. docs/gallery.md shows all of them.

===========================  ==============================================================================
`curves`                     losses and metrics over the epochs of a `History`
`gradient_norms`             norms of gradients, or what else a fit with ``health=True`` records, layer by layer
`gradients_by_depth`         those norms from the first layer to the last, of one or several networks
`learning_rates`             what `chainrule.find_learning_rate` found
`network`                    the units of an `MLP`, and its weights as lines
`weight_histograms`          how the weights of each layer are spread
`activation_histograms`      what each layer gives for some rows
`decision_boundary`          the classes over two features
`confusion_matrix`           how often which class was taken for which
`predictions`                predictions against targets
===========================  ==============================================================================

For estimators of `chainrule.sklearn` there are scikit-learn's own displays, and `chainrule.sklearn.LossCurveDisplay`.

>>> import chainrule as cr
>>> trainer = cr.Trainer(cr.MLP([1, 1], seed=0), loss="mean_squared_error")
>>> history = trainer.fit([[0.0], [1.0]], [0.0, 2.0], epochs=20)
>>> ax = cr.plots.curves(history)  # doctest: +SKIP
>>> ax.figure.savefig("loss.svg")  # doctest: +SKIP
"""

from __future__ import annotations

from ._curves import curves
from ._decision import decision_boundary
from ._histograms import activation_histograms, weight_histograms
from ._network import network
from ._norms import gradient_norms, gradients_by_depth
from ._outcome import confusion_matrix, predictions
from ._rates import learning_rates

__all__ = [
    "activation_histograms",
    "confusion_matrix",
    "curves",
    "decision_boundary",
    "gradient_norms",
    "gradients_by_depth",
    "learning_rates",
    "network",
    "predictions",
    "weight_histograms",
]
