"""Replace an expensive function by a network, with its slopes: find a minimum on the network and check it on the function.

The function is a small simulation: how far a ball lands that is thrown with some speed, angle and drag, and a wind against it,
by a thousand steps of Runge and Kutta for each throw. The network is trained on 2,000 throws. Its derivatives with respect to
its inputs (`MLP.input_gradients`, through the scaling) are compared with finite differences of the simulation, and used to find the angle
that throws farthest, by gradient ascent on the network alone.
"""

from __future__ import annotations

import chainrule as cr
import numpy as np
from chainrule.preprocessing import StandardScaler, train_test_split

LOW, HIGH = np.array([5.0, 0.3, 0.0, -5.0]), np.array([25.0, 1.2, 0.03, 5.0])
"""Speed (m/s), angle (radians), drag (1/m), wind along the throw (m/s)."""


def landed(throws: np.ndarray, steps: int = 1000) -> np.ndarray:
    """Return where balls (throws, 4) touch the ground again, in metres, (throws, 1)."""
    speed, angle, drag, wind = throws.T

    def slope(s: np.ndarray) -> np.ndarray:
        relative = s[2] - wind
        air = drag * np.hypot(relative, s[3])
        return np.array([s[2], s[3], -air * relative, -9.81 - air * s[3]])

    s = np.array([0 * speed, 0 * speed, speed * np.cos(angle), speed * np.sin(angle)])
    h = 2 * s[3] / 9.81 / steps * 1.01  # without drag it flies that long
    distance = np.zeros_like(speed)
    flying = np.ones(len(throws), bool)
    for _ in range(steps):
        k1 = slope(s)
        k2 = slope(s + h / 2 * k1)
        k3 = slope(s + h / 2 * k2)
        after = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(s + h * k3))
        lands = flying & (after[1] <= 0) & (after[3] < 0)
        share = np.divide(s[1], s[1] - after[1], out=np.zeros_like(speed), where=lands)
        distance = np.where(lands, s[0] + share * (after[0] - s[0]), distance)
        flying &= ~lands
        s = after
    return distance[:, None]


def main(rows: int = 2000, epochs: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Train the emulator, check values and slopes, find the best angle; return slopes by it and by the simulation."""
    rng = np.random.default_rng(0)
    throws = rng.uniform(LOW, HIGH, (rows, 4))
    X, X_test, y, y_test = train_test_split(throws, landed(throws), test_size=0.2, seed=0)
    inputs, outputs = StandardScaler().fit(X), StandardScaler().fit(y)
    model = cr.MLP([4, 64, 64, 1], activation="tanh", dtype="float64", seed=0)
    optimizer = cr.Adam(cr.schedules.Cosine(0.01, rows * 8 // 10 // 32 * epochs))
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=32)
    trainer.fit(inputs.transform(X), outputs.transform(y), epochs=epochs)

    found = outputs.inverse_transform(model.predict(inputs.transform(X_test)))
    off = np.sqrt(np.mean((found - y_test) ** 2))
    print(
        f"held-out throws: off by {off:.3f} m (root mean square); they land {y_test.std():.1f} m apart (standard deviation)"
    )

    def slopes(rows: np.ndarray) -> np.ndarray:
        """Metres by each input: by the chain rule, both scalers are factors."""
        inner = model.input_gradients(inputs.transform(rows))
        return inner * outputs.scale_ / inputs.scale_

    some, steps = X_test[:200], 1e-3 * (HIGH - LOW)
    differences = np.column_stack(
        [(landed(some + step) - landed(some - step))[:, 0] / (2 * step.sum()) for step in np.diag(steps)]
    )
    by_network = slopes(some)
    errors = np.sqrt(np.mean((by_network - differences) ** 2, axis=0) / np.mean(differences**2, axis=0))
    for name, error in zip(("speed", "angle", "drag", "wind"), errors, strict=True):
        print(
            f"slope by {name:5}: off by {error:.1%} of its size, against finite differences of the simulation"
        )

    throw = np.array([[20.0, 0.5, 0.01, -3.0]])
    for _ in range(200):
        throw[0, 1] += 0.002 * slopes(throw)[0, 1]
    angles = np.linspace(LOW[1], HIGH[1], 901)
    tried = landed(np.column_stack([np.full(901, 20.0), angles, np.full(901, 0.01), np.full(901, -3.0)]))
    best = angles[tried.argmax()]
    print(
        f"best angle at 20 m/s, drag 0.01, wind -3: {np.degrees(throw[0, 1]):.2f} degrees by the network, "
        f"{np.degrees(best):.2f} by 901 simulations; it loses {tried.max() - landed(throw)[0, 0]:.4f} m"
    )
    return by_network, differences


if __name__ == "__main__":
    main()
