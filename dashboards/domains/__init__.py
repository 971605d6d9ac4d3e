"""One board per event domain, in a module of the domain's name. Found by name; listed nowhere.

A module has `board(catalog)`, and may declare `ROLL_UPS`: by topic, the table of a roll-up whose `events` sum up to
the topic's facts.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


def modules() -> Mapping[str, ModuleType]:
    """Import the domains' modules.

    Returns:
        Modules by the domain's name, sorted.
    """
    return {
        found.name: importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    }
