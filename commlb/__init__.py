"""A streaming lower-bound laboratory: what a bounded-state machine must carry across a cut.

>>> import commlb
>>> commlb.reduce("istree", n=8).bound.bits
8.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "BROKEN",
    "UNDEFINED",
    "__version__",
    "budget",
    "catalogue",
    "check",
    "collide",
    "curve",
    "discover",
    "exact",
    "model",
    "prove",
    "reduce",
    "selftest",
    "states",
]

if TYPE_CHECKING:
    from commlb.budgets.budget import budget
    from commlb.chains import reduce
    from commlb.checker import check
    from commlb.checking.selftest import selftest
    from commlb.collisions import collide
    from commlb.discovery import discover
    from commlb.listing import catalogue
    from commlb.machines.base import BROKEN, UNDEFINED
    from commlb.minimum import exact
    from commlb.models.adapting import model
    from commlb.proof import prove
    from commlb.retention import states
    from commlb.sweep import curve

_HOMES = {
    "BROKEN": "machines.base",
    "UNDEFINED": "machines.base",
    "budget": "budgets.budget",
    "catalogue": "listing",
    "check": "checker",
    "collide": "collisions",
    "curve": "sweep",
    "discover": "discovery",
    "exact": "minimum",
    "model": "models.adapting",
    "prove": "proof",
    "reduce": "chains",
    "selftest": "checking.selftest",
    "states": "retention",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """The public names, imported when first used, so that ``import commlb`` stays light."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"commlb.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'commlb' has no attribute {name!r}")
