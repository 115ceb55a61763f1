"""A linear read-out: what a linear map, fitted on one sample of inputs, reads off the message of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commlb.errors import BadInput, require_at_least, unknown_name
from commlb.fano import fano_bits
from commlb.information import CONFIDENCE, error_upper_limit
from commlb.protocol import OneWayProtocol
from commlb.records import ReadOut

FEWEST = 10
"""Runs to fit and to score a read-out."""

Floats = NDArray[np.float64]

PENALTIES = tuple(10.0**k for k in range(-6, 5, 2))
"""Of the ridge, in units of the sample's size; the one that errs least on a fifth of the sample is taken."""


def check_readout(name: str | None, trials: int | None) -> None:
    """Refuse a read-out that there is not, and too few trials to fit one."""
    if name not in (None, "linear"):
        raise unknown_name("read-out", str(name), ["linear"])
    if name and trials is not None:
        require_at_least("trials, with a read-out,", trials, FEWEST)


def read_out(protocol: OneWayProtocol, runs: int, rng: np.random.Generator) -> ReadOut:
    """What a linear map of the state at the cut tells of each x_i: I(X; S) ≥ Σ_i g(U_i), with 99 % confidence.

    The map is fitted by ridge regression, from the numbers of the state to the symbols of x, on ``runs`` random x,
    and guesses those of ``runs`` fresh ones. U_i is the upper confidence limit of its error at i, 1 − 0.01/n each,
    so all n hold together (union bound). The symbols are independent, so I(X; S) ≥ Σ I(X_i; S), and each is at
    least g(ε_i) (Fano). A lower bound: another read-out may tell more.

    Raises ``BadInput`` for problems that do not ask for the symbols of x, and for randomised machines.
    """
    chosen = protocol.reduction
    if not chosen.problem.asks_positions:
        raise BadInput(
            f"a linear read-out tells the symbols of x; {chosen.problem.name} does not ask for them"
        )
    if protocol.machine.randomised:
        raise BadInput(
            "a linear read-out is fitted to one machine; a randomised one has other coins in each run"
        )
    seen, known = _sample(protocol, runs, rng)
    middle, scale = seen.mean(axis=0), seen.std(axis=0)
    kept = scale > 1e-12 * np.maximum(1.0, np.abs(middle))
    features = ((seen - middle) / np.where(kept, scale, 1.0))[:, kept]
    weights = _fitted(features, known, chosen.symbols)
    fresh, right = _sample(protocol, runs, rng)
    guessed = _guesses(((fresh - middle) / np.where(kept, scale, 1.0))[:, kept], weights, chosen.symbols)
    errors = (guessed != right).sum(axis=1).tolist()
    return ReadOut(
        method="linear",
        numbers=int(kept.sum()),
        fitted_on=runs,
        trials=runs,
        errors=tuple(errors),
        accuracy=1 - sum(errors) / (runs * chosen.n),
        information_bits=bits_shown(errors, runs, chosen.symbols),
        evidence="sampled",
        confidence=CONFIDENCE,
    )


def bits_shown(errors: Any, trials: int, symbols: int) -> float:
    """Σ_i g(U_i): bits about x that guesses with these errors, one count a position, show at 99 % confidence.

    >>> bits_shown([1000, 1000], 2000, 2), round(bits_shown([0, 1000], 2000, 2), 3)
    (0.0, 0.974)
    """
    each = 1 - (1 - CONFIDENCE) / len(errors)
    return math.fsum(fano_bits(error_upper_limit(wrong, trials, each), symbols) for wrong in errors)


def _sample(
    protocol: OneWayProtocol, runs: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """The numbers of the states that random x leave, (runs, numbers), as Bob unpacks them, and x, (n, runs)."""
    chosen, machine = protocol.reduction, protocol.machine
    xs, states = rng.integers(chosen.symbols, size=(chosen.n, runs)), []
    for first in range(0, runs, protocol.batch()):
        message = protocol.send(xs[:, first : first + protocol.batch()])
        states.append(np.nan_to_num(machine.as_numbers(machine.unpack(message)), posinf=1e300, neginf=-1e300))
    return np.clip(np.hstack(states).T, -1e100, 1e100), xs


def _fitted(features: Floats, known: NDArray[np.int64], symbols: int) -> Floats:
    """Weights (numbers + 1, n·symbols) of the penalty that errs least on the last fifth of the sample."""
    some = max(1, 4 * len(features) // 5)
    best: tuple[int, float] | None = None
    first = _Ridge(features[:some], _targets(known[:, :some], symbols))
    for penalty in PENALTIES:
        guessed = _guesses(features[some:], first.weights(penalty), symbols)
        wrong = int((guessed != known[:, some:]).sum())
        if best is None or wrong < best[0]:
            best = wrong, penalty
    return _Ridge(features, _targets(known, symbols)).weights(best[1] if best else 1.0)


def _targets(known: NDArray[np.int64], symbols: int) -> Floats:
    """1 where x_i is the symbol and 0 elsewhere, (runs, n·symbols)."""
    found = known[:, :, None] == np.arange(symbols)
    return found.transpose(1, 0, 2).reshape(known.shape[1], -1).astype(np.float64)


def _guesses(features: Floats, weights: Floats, symbols: int) -> NDArray[np.int64]:
    """The symbol with the greatest score at each position, (n, runs)."""
    scores = features @ weights[:-1] + weights[-1]
    found: NDArray[np.int64] = scores.reshape(len(features), -1, symbols).argmax(axis=2).T
    return found


class _Ridge:
    """Least squares with a penalty, for several penalties from one decomposition of the smaller Gram matrix."""

    def __init__(self, features: Floats, targets: Floats):
        self.features, self.mean = features, targets.mean(axis=0)
        self.dual = features.shape[1] > len(features)
        self.targets = targets - self.mean
        gram = features @ features.T if self.dual else features.T @ features
        self.values, self.vectors = np.linalg.eigh(gram)
        aimed = self.targets if self.dual else features.T @ self.targets
        self.turned = self.vectors.T @ aimed

    def weights(self, penalty: float) -> Floats:
        """The weights and, in the last row, what is added."""
        shrunk = np.maximum(self.values, 0) + penalty * len(self.features)
        solved = self.vectors @ (self.turned / shrunk[:, None])
        slopes = self.features.T @ solved if self.dual else solved
        return np.vstack([slopes, self.mean])
