"""The boards of the event domains, each in a module of the domain's name. They are found by name, not listed.

A module has `board(catalog)`. It may declare `ROLL_UPS`: by topic, the table of a roll-up whose column `events` sums up
to the topic's events.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


def modules() -> Mapping[str, ModuleType]:
    """Import the domains' modules and return them by the domain's name, sorted."""
    return {
        found.name: importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    }
