"""Learn to balance a pole on a cart by policy gradient, with a gradient that no loss of a library has.

A cart on a track is pushed to the left or to the right fifty times a second; a pole stands on it, and an episode ends when
it leans by more than 12 degrees, the cart leaves the track, or after 200 pushes. The policy is a network from the state to the
probabilities of the two pushes. After some episodes it is changed so that pushes followed by more time than is usual at that
moment become more likely: the derivative of the loss ``-advantage log p(push)`` with respect to the sums before softmax is
``advantage (p - one_hot(push))``, and the way back from there is `ForwardPass.backward`.

The physics are those of Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control
problems", IEEE Transactions on Systems, Man, and Cybernetics 13, 1983; the method is REINFORCE, Williams, "Simple statistical
gradient-following algorithms for connectionist reinforcement learning", Machine Learning 8, 1992.
"""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np

GRAVITY, CART, POLE, HALF_LENGTH, PUSH, SECONDS = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
TRACK, LEAN, LONGEST = 2.4, np.radians(12), 200


def pushed(state: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the states (carts, 4) after a push: position, speed, angle of the pole, its speed; Euler's method."""
    _, speed, angle, turning = state.T
    force = np.where(right, PUSH, -PUSH)
    sin, cos, mass = np.sin(angle), np.cos(angle), CART + POLE
    by_pole = (force + POLE * HALF_LENGTH * turning**2 * sin) / mass
    turn = (GRAVITY * sin - cos * by_pole) / (HALF_LENGTH * (4 / 3 - POLE * cos**2 / mass))
    push = by_pole - POLE * HALF_LENGTH * turn * cos / mass
    change = np.stack([speed, push, turning, turn], axis=1)
    return state + SECONDS * change


def episodes(
    policy: cr.MLP, carts: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Let some carts be pushed side by side; return states, pushes, and which were made before the end: (LONGEST, carts, ...)."""
    state, upright = rng.uniform(-0.05, 0.05, (carts, 4)), np.ones(carts, bool)
    states, pushes, alive = [], [], []
    for _ in range(LONGEST):
        right = rng.random(carts) < policy.predict(state.astype(np.float32))[:, 1]
        states.append(state.astype(np.float32))
        pushes.append(right)
        alive.append(upright)
        state = np.where(upright[:, None], pushed(state, right), state)
        upright = upright & (np.abs(state[:, 0]) < TRACK) & (np.abs(state[:, 2]) < LEAN)
    return np.array(states), np.array(pushes), np.array(alive)


def advantages(alive: np.ndarray) -> np.ndarray:
    """Return by how much the time left to each push is more than is usual at that moment, in standard deviations."""
    left = alive[::-1].cumsum(axis=0)[::-1].astype(np.float64)
    usual = (left * alive).sum(axis=1, keepdims=True) / np.maximum(alive.sum(axis=1, keepdims=True), 1)
    more = np.where(alive, left - usual, 0)
    return (more / (more[alive].std() + 1e-6)).astype(np.float32)


def main(rounds: int = 60) -> list[float]:
    """Train for some rounds of 20 episodes; print and return how long poles stand."""
    rng = np.random.default_rng(0)
    policy = cr.MLP([4, 32, 2], activation="tanh", output_activation="softmax", seed=0)
    trainer = cr.Trainer(policy, loss="cross_entropy", optimizer=cr.Adam(0.02))
    stood = []
    for round_ in range(1, rounds + 1):
        states, pushes, alive = episodes(policy, 20, rng)
        advantage = advantages(alive)[alive][:, None]
        kept = trainer.forward(states[alive], keep=True)
        pushed_to = np.eye(2, dtype=np.float32)[pushes[alive].astype(int)]
        d_sums = advantage * (kept.output - pushed_to) / len(advantage)
        trainer.apply_gradients(kept.backward(d_sums=d_sums))
        stood.append(float(alive.sum(axis=0).mean()))
        if round_ == 1 or round_ % 10 == 0:
            print(f"round {round_:2}: poles stand for {stood[-1]:5.1f} of {LONGEST} pushes")
    _, _, alive = episodes(policy, 100, np.random.default_rng(1))
    print(f"100 new episodes: {alive.sum(axis=0).mean():.1f} of {LONGEST} pushes on the average")
    return stood


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
