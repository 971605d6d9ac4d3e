"""The keys of a city that has run before, looked for before a start makes new ones.

A backup may leave the keys out (`city backup --without-keys`). A start would make others in their place: another master
seed, which no log continues with, and another deployment secret, under which replayed events get other ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.recovery.errors import KeysMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings


def require_keys(settings: Settings) -> None:
    """Refuse a directory with a ledger and without the keys that it was made with.

    Raises:
        KeysMissingError: One of them is not there; nothing was made.
    """
    data = settings.data
    if not any((data / "ledger").glob("*/*/*/checkpoint")):
        return  # no record was ever sealed
    needed = [data / "keys" / "deployment.secret"]
    if not settings.signer:
        needed.insert(0, data / "keys" / "ledger-master.seed")
    missing = [path for path in needed if not path.exists()]
    witness = data / "witness" / "witness.seed"
    if missing and not settings.witness and not witness.exists():
        missing.append(witness)
    if missing:
        raise KeysMissingError(_line(data, missing))


def _line(data: Path, missing: list[Path]) -> str:
    names = ", ".join(str(path.relative_to(data)) for path in missing)
    return (
        f"{data}: the keys that its ledger was made with are not there ({names}): put them back, from where "
        "`city backup --without-keys` left them or from another backup; nothing was started, nothing was made"
    )
