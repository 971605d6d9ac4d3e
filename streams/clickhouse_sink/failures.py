"""Logs failures that pass by themselves: once when they begin and once when they end."""

import logging

log = logging.getLogger("city.sink")


class Failures:
    """The current failures, by subject (`ClickHouse`, `commit`, or a topic)."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def note(self, about: str, text: str) -> None:
        """Record a failure. Log it if the subject had none."""
        if not self._texts.get(about):
            log.warning("%s", text)
        self._texts[about] = text

    def over(self, about: str) -> None:
        """Record that the subject has no failure. Log it if there was one."""
        if self._texts.pop(about, ""):
            log.warning("%s: recovered", about)
