"""One step of publishing: sign and publish what the sequencers have committed, and report the signer's health."""

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
    """The repeated step of the publisher's thread.

    Args:
        publisher: signs and publishes checkpoints.
        city: name of the city.
        states: returns the committed state of each log.
        emit: takes metrics.
        then: called after a checkpoint was published.
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
        """Run one step.

        Raises:
            SignerUnavailableError: the signer does not answer; run the step again later.
            StoreError: a checkpoint could not be made durable.
            SetupError: the signer has another key than `keys.txt`.
        """
        try:
            self._publisher.ensure_keys([self._city_origin])
            if self._publisher.publish(self._states()):
                self._then()
        except SignerUnavailableError:
            self._emit("ledger_signer_down", 1, {})
            raise
        self._emit("ledger_signer_down", 0, {})
