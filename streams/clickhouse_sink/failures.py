"""Troubles that pass: logged once when they begin and once when they are over."""

import logging

log = logging.getLogger("city.sink")


class Failures:
    """What is wrong now, by what it is about."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def note(self, about: str, text: str) -> None:
        """Note a trouble; log it if there was none about this."""
        if not self._texts.get(about):
            log.warning("%s", text)
        self._texts[about] = text

    def over(self, about: str) -> None:
        """Note that there is no trouble about this; log it if there was one."""
        if self._texts.pop(about, ""):
            log.warning("%s: well again", about)
