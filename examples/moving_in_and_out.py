"""Take networks of scikit-learn and PyTorch in, train them further here, and give them back.

An MLPClassifier learns the digits for a few rounds. Its network is taken over, learns on with dropout, which scikit-learn has not,
and goes back as an estimator that any pipeline takes. The same network as a PyTorch module, and the lists that Keras takes, give the
same probabilities. What is not installed is left out, with a line that says so. Run it with ``python examples/moving_in_and_out.py``.
"""

from __future__ import annotations

import importlib.util
import sys

import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split

CLOSE = 1e-5


def learn(model: cr.MLP, X: np.ndarray, y: np.ndarray) -> cr.MLP:
    """Train a network with the same weights and dropout: parameters are plain arrays, which may be put into another."""
    other = cr.MLP(model.layer_sizes, activation="relu", output_activation="softmax", dropout=0.2, seed=0)
    other.weights, other.biases = model.copy().weights, model.copy().biases
    trainer = cr.Trainer(other, loss="cross_entropy", optimizer=cr.Adam(0.002), batch_size=64, seed=0)
    trainer.fit(X, y, epochs=20)
    return other


def accuracy(predicted: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(predicted == y))


def with_sklearn(X: np.ndarray, X_test: np.ndarray, y: np.ndarray, y_test: np.ndarray) -> cr.MLP | None:
    """Let scikit-learn begin, and go on from there; give the network, or None if what comes back is not the same."""
    from sklearn.neural_network import MLPClassifier

    begun = MLPClassifier(hidden_layer_sizes=(64,), random_state=0)
    for _ in range(5):
        begun.partial_fit(X, y, classes=range(10))
    model = cr.interchange.from_sklearn(begun)
    taken_over = float(np.abs(model.predict(X_test) - begun.predict_proba(X_test)).max())
    print(f"from scikit-learn: accuracy {begun.score(X_test, y_test):.3f}, off by at most {taken_over:.1e}")

    model = learn(model, X, y)
    estimator = cr.interchange.to_sklearn(model, classes=begun.classes_)
    given_back = float(np.abs(model.predict(X_test) - estimator.predict_proba(X_test)).max())
    print(
        f"to scikit-learn:   accuracy {estimator.score(X_test, y_test):.3f}, off by at most {given_back:.1e}"
    )
    return model if max(taken_over, given_back) < CLOSE else None


def with_torch(model: cr.MLP, X_test: np.ndarray, y_test: np.ndarray) -> bool:
    """Give the network to PyTorch, and take it back to the same bits."""
    import torch

    module = cr.interchange.to_torch(model)
    with torch.no_grad():
        outputs = module(torch.tensor(X_test)).numpy()
    error = float(np.abs(outputs - model.predict(X_test)).max())
    print(
        f"to PyTorch:        accuracy {accuracy(outputs.argmax(axis=1), y_test):.3f}, off by at most {error:.1e}"
    )

    back = cr.interchange.from_torch(module)
    state = cr.interchange.to_torch_state_dict(model)
    also = cr.interchange.from_torch(state, activation="relu", output_activation="softmax")
    predicted = model.predict(X_test).tobytes()
    same = back.predict(X_test).tobytes() == also.predict(X_test).tobytes() == predicted
    print(
        f"from PyTorch:      {'the same bits' if same else 'other bits'}, from the module and from its state dict"
    )
    return same and error < CLOSE


def with_keras_weights(model: cr.MLP, X_test: np.ndarray) -> bool:
    """Write the list that ``set_weights`` of a Keras model takes; Keras need not be there."""
    weights = cr.interchange.to_keras_weights(model)
    print(f"to Keras:          arrays of the shapes {', '.join(str(array.shape) for array in weights)}")
    back = cr.interchange.from_keras_weights(weights, activation="relu", output_activation="softmax")
    return back.predict(X_test).tobytes() == model.predict(X_test).tobytes()


def main() -> int:
    digits, target = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split((digits / 16).astype(np.float32), target, test_size=0.2, seed=0)
    model: cr.MLP | None
    if importlib.util.find_spec("sklearn") is not None:
        model = with_sklearn(X, X_test, y, y_test)
        if model is None:
            return 1
    else:
        print('scikit-learn: left out: pip install "chainrule[sklearn]"')
        model = learn(cr.MLP([64, 64, 10], output_activation="softmax", seed=0), X, y)
    good = with_keras_weights(model, X_test)
    if importlib.util.find_spec("torch") is not None:
        good &= with_torch(model, X_test, y_test)
    else:
        print("PyTorch: left out: pip install torch")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
