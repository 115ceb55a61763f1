"""Families of machines: a specification in which sizes are left open, ``window:w`` or ``gru:d=1:8,p``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from commlb import machines
from commlb.errors import BadInput, LimitError
from commlb.machines.base import Machine
from commlb.models import own
from commlb.tasks.base import Task

MOST_VALUES = 2**20
"""The largest value that is tried for a size left open."""

MOST_MEMBERS = 2**13
"""Machines of a family that are looked at."""

MOST_SAME = 64
"""Values in a row that add no room after which none is tried: a few, such as a fingerprint's bits, help."""

MOST_REFUSED = 64
"""Values in a row that a machine may refuse before the search for the next one that it takes ends."""

RANGE = re.compile(r"[0-9]+:[0-9]+(:[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Member:
    """One machine of a family: what to type for it, and the bits that it has room for at the cut."""

    spec: str
    capacity_bits: float
    machine: Machine


@dataclass(frozen=True)
class Family:
    """The machines that ``text`` stands for: NAME:key=value,… in which ``key`` alone leaves a size open.

    ``key=a:b[:step]`` leaves it open within a range. A text without open sizes is the family of one machine.

    >>> Family("gru:d,p=2:8:2,seed=1").open
    {'d': None, 'p': range(2, 9, 2)}
    """

    text: str

    @property
    def name(self) -> str:
        return own.name_of(self.text) if machines.is_own(self.text) else self.text.partition(":")[0]

    @property
    def _parts(self) -> list[tuple[str, str]]:
        """(key, value) as typed, the value empty where the size is open."""
        rest = self.text[len(self.name) + 1 :]
        return [(part.partition("=")[0], part.partition("=")[2]) for part in rest.split(",")] if rest else []

    @property
    def open(self) -> dict[str, range | None]:
        """The sizes left open, each with its range, None where it has no end."""
        found: dict[str, range | None] = {}
        for key, value in self._parts:
            if key in found:
                raise BadInput(f"'{self.text}' names {key} twice")
            if not value:
                found[key] = None
            elif RANGE.fullmatch(value):
                first, last, *step = map(int, value.split(":"))
                if last < first or step == [0]:
                    raise BadInput(f"'{key}={value}' in '{self.text}' is no range a:b[:step] with a <= b")
                found[key] = range(first, last + 1, *step)
        return found

    def takes(self, key: str) -> bool:
        """Whether its machine has a parameter ``key`` that the text does not give; of a user's model, p."""
        cls = machines.machine_classes().get(self.name)
        known = {*cls.required, *cls.optional} if cls else {"p"} if machines.is_own(self.text) else {}
        return key in known and key not in dict(self._parts)

    def given(self, key: str) -> str | None:
        """What the text gives for ``key``; empty where it is left open."""
        return dict(self._parts).get(key)

    def with_value(self, key: str, value: Any) -> Family:
        """The family with one more parameter given.

        >>> Family("window:w").with_value("seed", 3), Family("exact").with_value("seed", 3)
        (Family(text='window:w,seed=3'), Family(text='exact:seed=3'))
        """
        return Family(f"{self.text}{',' if self._parts else ':'}{key}={value}")

    def members(self, task: Task, cut: int, most_bits: float) -> list[Member]:
        """Its machines for a task cut after ``cut``, by capacity there; of equals, as they are counted up.

        A size without a range is counted up from 1 while the room is at most ``most_bits``, and ends where larger
        ones have long added none; values that the machine does not take are passed over. Raises ``BadInput`` if it
        takes none, ``LimitError`` for too many machines.

        >>> from commlb.tasks.index import Index
        >>> [(m.spec, m.capacity_bits) for m in Family("window:w").members(Index(3), 3, 9)[:4]]
        [('window:w=1', 1.0), ('window:w=2', 2.0), ('window:w=3', 3.0), ('window:w=4', 3.0)]
        """
        keys = self.open
        search = _Search(self, task, cut, most_bits)
        given = math.prod(len(values) for values in keys.values() if values is not None)
        found = (
            list(itertools.islice(search.below(list(keys), {}, keys), MOST_MEMBERS + 1))
            if given <= MOST_MEMBERS
            else []
        )
        if given > MOST_MEMBERS or len(found) > MOST_MEMBERS:
            raise LimitError(
                f"'{self.text}' stands for more than {MOST_MEMBERS:,} machines, the limit; give ranges, or a "
                "smaller --max-bits"
            )
        if not found:
            raise search.refused or BadInput(
                f"the smallest machine of '{self.text}' has room for more than the {most_bits:g} bits that are "
                "searched; raise --max-bits"
            )
        return sorted(found, key=lambda member: member.capacity_bits)

    def any_machine(self, task: Task, cut: int) -> Machine:
        """One of its machines, the first that is met. Raises ``BadInput`` if it takes none."""
        search = _Search(self, task, cut, math.inf)
        for member in search.below(list(self.open), {}, self.open):
            return member.machine
        raise search.refused or BadInput(f"'{self.text}' stands for no machine")

    def spec(self, values: dict[str, int]) -> str:
        """What is typed for the member with these values."""
        parts = [f"{key}={values.get(key, value)}" for key, value in self._parts]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


@dataclass
class _Search:
    """Counting up the open sizes of a family, the first the slowest."""

    family: Family
    task: Task
    cut: int
    most_bits: float
    refused: BadInput | None = None

    def below(
        self, left: list[str], values: dict[str, int], keys: dict[str, range | None]
    ) -> Iterator[Member]:
        """The members with these values and any of the sizes ``left``."""
        if not left:
            member = self.member(values)
            if member is not None:
                yield member
            return
        key, inner = left[0], left[1:]
        if (given := keys[key]) is not None:
            for value in given:
                yield from self.below(inner, {**values, key: value}, keys)
            return
        before, missed, same = -1.0, 0, 0
        for value in range(1, MOST_VALUES + 1):
            some = self.below(inner, {**values, key: value}, keys)
            first = next(some, None)
            if first is None:
                missed += 1
                if missed == MOST_REFUSED:
                    return
                continue
            if first.capacity_bits > self.most_bits:
                return
            same = same + 1 if first.capacity_bits <= before else 0
            if same > MOST_SAME:
                return
            before, missed = first.capacity_bits, 0
            yield from (
                member for member in itertools.chain([first], some) if member.capacity_bits <= self.most_bits
            )

    def member(self, values: dict[str, int]) -> Member | None:
        spec = self.family.spec(values)
        try:
            machine = machines.build(spec, self.task, self.cut)
        except BadInput as error:
            if not values:
                raise
            self.refused = self.refused or error
            return None
        return Member(spec, machine.capacity_bits(self.cut), machine)
