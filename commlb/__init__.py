"""A streaming lower-bound laboratory: what a bounded-state machine must carry across a cut.

>>> import commlb
>>> commlb.reduce("istree", n=8).bound.bits
8.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "catalogue", "prove", "reduce", "states"]

if TYPE_CHECKING:
    from commlb.chains import reduce
    from commlb.listing import catalogue
    from commlb.proof import prove
    from commlb.retention import states

_HOMES = {"reduce": "chains", "prove": "proof", "catalogue": "listing", "states": "retention"}


def __getattr__(name: str) -> Any:
    """The public functions, imported when first used, so that ``import commlb`` stays light."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"commlb.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'commlb' has no attribute {name!r}")
