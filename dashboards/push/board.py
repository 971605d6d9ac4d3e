"""A board in Grafana: unchanged if its content is there, or if the newest version is one that a push made of it.

Grafana gives each saved board an `id` and a `version`, and newer releases may rewrite a board as they save it. So each
save carries the digest of what was sent in its message, which Grafana keeps with the version. The message also has the
time: if the version before has the very same one, someone else saved the board and it was carried over.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grafana_client.client import GrafanaException

from dashboards.errors import PushError
from dashboards.push.difference import difference
from dashboards.push.grafana import PROVISIONED, RefusedError
from dashboards.push.step import State, Step
from dashboards.style import FOLDER_UID

if TYPE_CHECKING:
    from dashboards.push.grafana import Grafana

GIVEN = frozenset({"id", "version"})
"""Members of a board that Grafana gives."""
NEWER_FORM = 406
"""Status with which Grafana answers for a board that was saved in a newer form than this API returns."""


def signature(board: dict[str, Any]) -> str:
    """Return the beginning of the message of each version that a push of a board makes."""
    text = json.dumps(board, sort_keys=True, separators=(",", ":"))
    return f"city dashboards push, sha256 {hashlib.sha256(text.encode()).hexdigest()}, "


def board_step(grafana: Grafana, board: dict[str, Any]) -> Step:
    """Return what becomes of a board.

    Raises:
        PushError: It comes from a file and differs.
    """
    what = f"board {board['uid']}"
    try:
        current = grafana.find(f"read the {what}", lambda: grafana.api.dashboard.get_dashboard(board["uid"]))
    except RefusedError as error:
        if error.status != NEWER_FORM:
            raise
        return _sent(grafana, board, Step(what, State.CHANGED, "saved there in a newer form, overwritten"))
    if current is None:
        return _sent(grafana, board, Step(what, State.CREATED))
    content, meta = current.get("dashboard"), current.get("meta")
    if not isinstance(content, dict) or not isinstance(meta, dict):
        raise PushError(f"{grafana.address}: the {what} does not come as Grafana's API returns a board")
    after = {name: value for name, value in board.items() if name not in GIVEN}
    before = {name: value for name, value in content.items() if name not in GIVEN}
    moved = meta.get("folderUid") != FOLDER_UID
    if not moved and (before == after or _was_pushed(grafana, board)):
        return Step(what, State.UNCHANGED)
    if meta.get("provisioned"):
        raise PushError(f"{grafana.address}: the {what} differs: {PROVISIONED}")
    note = f"moved from folder {grafana.plain(str(meta.get('folderUid') or 'General'))}" if moved else ""
    return _sent(grafana, board, Step(what, State.CHANGED, note, difference(before, after)))


def _was_pushed(grafana: Grafana, board: dict[str, Any]) -> bool:
    """Return whether the newest version there is one that a push made of the board; False if Grafana does not tell."""
    path = f"/dashboards/uid/{board['uid']}/versions?limit=2"
    try:
        answer = grafana.api.client.GET(path)
    except (GrafanaException, PushError):
        return False  # it is only asked to send less
    versions = answer.get("versions") if isinstance(answer, dict) else answer
    if not isinstance(versions, list) or not versions or not all(isinstance(each, dict) for each in versions):
        return False
    newest, before = versions[0].get("message"), versions[1].get("message") if versions[1:] else None
    return isinstance(newest, str) and newest.startswith(signature(board)) and newest != before


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _sent(grafana: Grafana, board: dict[str, Any], step: Step) -> Step:
    """Return the step with its sending, which overwrites whatever is there."""
    body = {
        "dashboard": board,
        "folderUid": FOLDER_UID,
        "overwrite": True,
        "message": f"{signature(board)}{_now()}",
    }

    def send() -> Step:
        answer = grafana.ask(f"save the {step.what}", lambda: grafana.api.dashboard.update_dashboard(body))
        return replace(step, note=", ".join(filter(None, (step.note, grafana.plain(str(answer.get("url")))))))

    return replace(step, send=send)
