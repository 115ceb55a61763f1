"""What workers do with one partition of a layer (see ``cluster``): step its nodes, merge them, sum them up."""

from __future__ import annotations

import math
import pickle
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from commlb.information import spectrum
from commlb.limbs import Words, total
from commlb.prefixes import Edges
from commlb.reachability import Layer, Stepping

if TYPE_CHECKING:
    from pandas import DataFrame

PARTITION = 2**26
"""Bytes of the rows that meet in one partition, at most, about."""

FEWEST, WORTH = 2**10, 2**14
"""Rows that a partition is not made smaller than for want of memory, and to give every worker one."""


@dataclass(frozen=True)
class Summary:
    """What is gathered of a layer, or of one of its partitions.

    ``t``: the tokens read. ``nodes``: pairs (state, control). ``states``: distinct states. ``mass``: the prefixes
    counted. ``spectrum``: how many states have each multiplicity.
    """

    t: int
    nodes: int
    states: int
    mass: int
    spectrum: dict[int, int]

    @classmethod
    def of(cls, layer: Layer) -> Summary:
        """Of these nodes; their mass is counted, not taken from ``layer``.

        >>> words = np.array([[7, 5]], np.uint64)
        >>> Summary.of(Layer(3, words, words, np.zeros((0, 1, 2), np.uint64), 1, 0))
        Summary(t=3, nodes=2, states=2, mass=12, spectrum={5: 1, 7: 1})
        """
        keys, counts, _ = layer.states()
        return cls(layer.t, layer.keys.shape[1], keys.shape[1], total(layer.counts), spectrum(counts))


@dataclass(frozen=True)
class Rows:
    """How nodes are laid in the rows of a dataframe, and the pickled ``Stepping`` that steps them.

    ``state``, ``others``: names of the columns with words of the state, and with control and limbs.
    """

    state: list[str]
    others: list[str]
    stepping: bytes

    @property
    def width(self) -> int:
        return len(self.state) + len(self.others)

    def frame(self, columns: Words) -> DataFrame:
        """The dataframe of ``columns`` (width, N), which it keeps."""
        from pandas import DataFrame

        return DataFrame(columns.T, columns=[*self.state, *self.others], copy=False)

    def frame_of(self, layer: Layer) -> DataFrame:
        return self.frame(np.concatenate([layer.keys, layer.counts]))

    def split(self, layer: Layer, parts: int) -> list[DataFrame]:
        """The rows of ``layer`` in so many dataframes."""
        columns = np.concatenate([layer.keys, layer.counts])
        return [self.frame(part) for part in np.array_split(columns, parts, axis=1)]

    def partitions(self, successors: int, ahead: int, memory: int, threads: int) -> int:
        """Into how many partitions so many rows go, each of which has ``ahead`` edges at most.

        So many that each fits its limits with room to spare, and that each thread has one if that is worth it.
        """
        row = 8 * self.width
        most = min(PARTITION // row, memory // 2 // Stepping.bytes_needed(1, ahead, row))
        enough = max(WORTH, -(-successors // threads))
        return math.ceil(successors / max(1, min(max(FEWEST, most), enough)))

    def own(self) -> Stepping:
        """The ``Stepping`` of this thread, unpickled once: it keeps its workspace from call to call."""
        if getattr(_own, "sent", None) != self.stepping:
            _own.sent, _own.stepping = self.stepping, pickle.loads(self.stepping)
        return _own.stepping

    def layer(self, frame: DataFrame, t: int) -> Layer:
        """The nodes in a dataframe."""
        columns = np.ascontiguousarray(frame.to_numpy().T)
        stepping = self.own()
        keys = len(columns) - stepping.limbs
        return stepping.layer(t, columns[:keys], columns[keys:], 0)


_own = threading.local()


def same(frame: DataFrame) -> DataFrame:
    """A layer that is handed over: the graph keeps it, so that no worker's death can lose it."""
    return frame


def step(frame: DataFrame, rows: Rows, edges: Edges, t: int) -> DataFrame:
    """The successors, at t, of some nodes; equal ones merged, so that fewer travel."""
    return rows.frame_of(rows.own().after(rows.layer(frame, t - 1), edges, 0))


def merge(frame: DataFrame, rows: Rows, t: int) -> DataFrame:
    """All rows of one partition of layer t, equal ones merged."""
    stepping, layer = rows.own(), rows.layer(frame, t)
    stepping.require(Stepping.bytes_needed(0, len(frame), 8 * rows.width), t)
    return rows.frame_of(stepping.merged(t, layer.keys, layer.counts, 0))


def summary(frame: DataFrame, rows: Rows, t: int) -> Summary:
    return Summary.of(rows.layer(frame, t))
