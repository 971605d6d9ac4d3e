"""One step of publishing: sign and publish what the sequencers have committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sink.errors import (
    SignerUnavailableError,
)
from ledger_sink.format.keys import city_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from ledger_sink.log.name import LogName
    from ledger_sink.log.state import LogState
    from ledger_sink.metrics import Emit
    from ledger_sink.sealing.publisher import Publisher


class PublishStep:
    """Publishes what sequencers have committed.

    Args:
        publisher: Signs and publishes checkpoints.
        city: Name of the city.
        states: Returns what is committed, log by log.
        emit: Takes figures.
        then: Called when something was published.
    """

    def __init__(
        self,
        publisher: Publisher,
        city: str,
        states: Callable[[], dict[LogName, LogState]],
        emit: Emit,
        then: Callable[[], None],
    ) -> None:
        self._publisher = publisher
        self._city_origin = city_origin(city)
        self._states = states
        self._emit = emit
        self._then = then

    def __call__(self) -> None:
        """Do it once."""
        try:
            self._publisher.ensure_keys([self._city_origin])
            if self._publisher.publish(self._states()):
                self._then()
        except SignerUnavailableError:
            self._emit("ledger_signer_down", 1, {})
            raise
        self._emit("ledger_signer_down", 0, {})
