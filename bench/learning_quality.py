"""Compare how well networks learn: scikit-learn's, and chainrule's on the same budget and by `chainrule.recommended`.

``python bench/learning_quality.py --output FOLDER``; ``--short`` for a quick pass; ``--rounds N``: how often all rows are
dealt into five folds. Nothing is timed. See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import chainrule as cr
import numpy as np
from _quality_data import Table, tables
from _quality_learners import BUDGET_OF, LEARNERS, Fold, largest_difference, recipe_for
from _record import describe_chainrule, describe_numpy, document, machine, table
from _settings import Settings, parser, settings

FOLDS, ROUNDS = 5, 5
FIRST = "scikit-learn"
BOUND = 1e-6
"""Of outputs near 1, from the same start in the same order of rows; they were seen to be 1e-9 apart."""
HEADER = (
    "data",
    "who",
    "score",
    "spread",
    "beyond scikit-learn",
    "beyond it, equal budget",
    "at least as good",
)
Row = dict[str, Any]


class WrongAnswerError(AssertionError):
    """chainrule does not compute what scikit-learn computes from the same start, so comparing means nothing."""


def folds(data: Table, use: Settings) -> list[Fold]:
    """Deal the rows into folds, anew in each round; what scales them is learned from the rows to learn from."""
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    made = []
    deal = StratifiedKFold if data.n_classes else KFold
    for turn in range(use.rounds):
        cards = deal(2 if use.short else FOLDS, shuffle=True, random_state=turn)
        for i, (train, test) in enumerate(cards.split(data.X, data.y)):
            y, y_test = data.y[train], data.y[test]
            if not data.n_classes:
                scale = StandardScaler().fit(y[:, None])
                y, y_test = (scale.transform(part[:, None]) for part in (y, y_test))
            inputs = StandardScaler().fit(data.X[train])
            X, X_test = (inputs.transform(data.X[part]) for part in (train, test))
            made.append(Fold(X, y, X_test, y_test, data.n_classes, 100 * turn + i, use.dtype, use.short))
    return made


def score(fold: Fold, answer: Any) -> float:
    """Return the share of the right classes, or the R2 of a quantity."""
    if fold.n_classes:
        return float(np.mean(answer == fold.y_test))
    return cr.metrics.r2(fold.y_test, np.reshape(answer, (-1, 1)))


def must_be_the_same(name: str, difference: float) -> None:
    if not difference <= BOUND:
        raise WrongAnswerError(
            f"{name}: outputs from the same start are {difference:.3g} apart, bound {BOUND:g}"
        )


def measure(data: Table, use: Settings) -> list[Row]:
    """Let everybody learn every fold; return a row for each."""
    dealt = folds(data, use)
    must_be_the_same(data.name, largest_difference(dealt[0]))
    return [
        {
            "data": data.name,
            "group": data.group,
            "who": who,
            "measure": "accuracy" if data.n_classes else "R2",
            "shape": list(data.X.shape),
            "scores": [score(fold, learn(fold)) for fold in dealt],
        }
        for who, learn in LEARNERS.items()
    ]


def beyond(scores: list[float], others: list[float], n_folds: int = FOLDS) -> tuple[float, float]:
    """Return the mean difference of the same folds, and its standard error.

    The variance is multiplied by ``1 / n + 1 / (folds - 1)`` instead of ``1 / n``, since folds share rows (Nadeau and
    Bengio, "Inference for the generalization error", Machine Learning 52, 2003).
    """
    differences = np.subtract(scores, others)
    variance = differences.var(ddof=1) * (1 / len(differences) + 1 / (n_folds - 1))
    return float(differences.mean()), float(np.sqrt(variance))


def signed(difference: float, error: float) -> str:
    """Return a difference with its standard error; where it is lost, that stands out."""
    text = f"{difference:+.4f} ± {error:.4f}"
    return text if difference >= 0 else f"BELOW {text}"


def cells(row: Row, rows: list[Row]) -> list[str]:
    """Return a row as it is printed."""
    of = {other["who"]: other["scores"] for other in rows if other["data"] == row["data"]}
    scores, rival = row["scores"], BUDGET_OF.get(row["who"])
    equal = "–" if rival is None else signed(*beyond(scores, of[rival]))
    as_good = "–" if rival is None else f"{np.mean(np.greater_equal(scores, of[rival])):.0%}"
    return [
        f"{row['data']}, {row['measure']}", row["who"], f"{np.mean(scores):.4f}", f"{statistics.stdev(scores):.4f}",
        "–" if row["who"] == FIRST else signed(*beyond(scores, of[FIRST])), equal, as_good,
    ]  # fmt: skip


def averages(rows: list[Row]) -> list[list[str]]:
    """Return for each learner its mean over the data, and on how many it is at least as good as scikit-learn."""
    means = {(row["who"], row["data"]): float(np.mean(row["scores"])) for row in rows}
    names = list(dict.fromkeys(row["data"] for row in rows))
    lines = []
    for who in LEARNERS:
        mine = [means[who, name] for name in names]
        counts = []
        for rival in (FIRST, BUDGET_OF.get(who)):
            won = sum(means[who, name] >= means[rival, name] for name in names) if rival else 0
            counts.append(f"{won} of {len(names)}" if rival and rival != who else "–")
        lines.append([f"{len(names)} tables", who, f"{np.mean(mine):.4f}", *counts])
    return lines


def described(fold: Fold) -> list[str]:
    """Return what is recommended for a fold."""
    recipe, rows = recipe_for(fold), len(fold.X)
    updates = recipe.epochs * -(-rows // recipe.batch_size)
    network = f"{'-'.join(map(str, recipe.layer_sizes))} relu, dropout {recipe.dropout:g}"
    return [
        network, f"{recipe.output_activation}, {recipe.loss}", str(recipe.batch_size), str(recipe.epochs), str(updates)
    ]  # fmt: skip


def report(rows: list[Row], recipes: dict[str, list[str]], about: dict[str, str]) -> str:
    """Return the tables of both groups, and what was recommended."""
    titles = {"five": "The five tables", "further": "Further tables"}
    header = ("mean over", "who", "score", "at least scikit-learn's", "at least its at an equal budget")
    parts = []
    for group, title in titles.items():
        chosen = [row for row in rows if row["group"] == group]
        if chosen:
            body = table(HEADER, [cells(row, rows) for row in chosen])
            parts.append(f"## {title}\n\n{table(header, averages(chosen))}\n\n{body}")
    header = ("data", "network", "output, loss", "batch", "epochs", "updates")
    parts.append(f"## What was recommended\n\n{table(header, [[name, *recipes[name]] for name in recipes])}")
    return document("Learning quality", about, "\n\n".join(parts), "bench/README.md explains the columns.")


def main() -> int:
    options = parser(__doc__.splitlines()[0], "1").parse_args()
    options.rounds = options.rounds or (1 if options.short else ROUNDS)
    use = settings(options, seconds=0)
    try:
        import sklearn
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        print(f"skipped: there is nothing to compare with ({error})")
        return 0
    about = machine() | {"chainrule": describe_chainrule(), "NumPy": describe_numpy()}
    about |= {"scikit-learn": sklearn.__version__} | use.described()
    chosen = [data.shortened() if use.short else data for data in tables() if use.only in data.name]
    rows: list[Row] = []
    recipes: dict[str, list[str]] = {}
    with threadpool_limits(1):
        for data in chosen:
            try:
                rows += measure(data, use)
            except WrongAnswerError as wrong:
                print(f"WRONG ANSWER, not compared: {wrong}", file=sys.stderr)
                return 1
            recipes[data.name] = described(folds(data, use)[0])
            print(f"{data.name}: done", file=sys.stderr)
    use.publish("learning_quality", about, rows, report(rows, recipes, about))
    return 0


if __name__ == "__main__":
    sys.exit(main())
