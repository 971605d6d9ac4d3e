"""The commands of the README, as they stand there."""

from __future__ import annotations

import re

from tests.harness.city import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS: list[str] = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def command(start: str) -> str:
    """Return the first command that starts so."""
    return next(each for each in COMMANDS if each.startswith(start))
