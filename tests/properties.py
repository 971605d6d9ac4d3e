"""How many examples a property takes: the profile says it for all, and a costly property takes a fraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable


def fewer(*, times: int) -> Callable[..., object]:
    """Have a property take so many times fewer examples than the profile says.

    Args:
        times: The divisor; at least one example is left.
    """
    return settings(max_examples=max(1, settings().max_examples // times))
