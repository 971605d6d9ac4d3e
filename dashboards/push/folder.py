"""The folder of the boards and who may do what in it.

Boards are code: viewers and editors may view them, and only administrators may change them. What Grafana grants to
single persons, service accounts and teams in this folder was given there by hand, or to the one who made the folder,
and stays. A folder's grants are replaced as a whole, so these are sent again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboards.push.difference import difference
from dashboards.push.grafana import RefusedError
from dashboards.push.step import State, Step
from dashboards.style import FOLDER_TITLE, FOLDER_UID

if TYPE_CHECKING:
    from dashboards.push.grafana import Grafana

VIEW = 1
ROLES = ("Viewer", "Editor")
_WHAT = f"folder {FOLDER_UID}"
_PERMISSIONS = "folder permissions"
_RULE = "viewers and editors may view, administrators may change"


def folder_step(grafana: Grafana) -> Step:
    """Return what becomes of the folder."""
    current = grafana.find(f"read the {_WHAT}", lambda: grafana.api.folder.get_folder(FOLDER_UID))
    if current is None:
        step = Step(_WHAT, State.CREATED, f"{FOLDER_TITLE!r}")

        def create() -> Step:
            grafana.ask(
                f"create the {_WHAT}", lambda: grafana.api.folder.create_folder(FOLDER_TITLE, FOLDER_UID)
            )
            return step

        return replace(step, send=create)
    before, after = {"title": current.get("title")}, {"title": FOLDER_TITLE}
    if before == after:
        return Step(_WHAT, State.UNCHANGED)
    renamed = Step(_WHAT, State.CHANGED, f"titled {FOLDER_TITLE!r} again", difference(before, after))

    def rename() -> Step:
        grafana.ask(
            f"rename the {_WHAT}",
            lambda: grafana.api.folder.update_folder(FOLDER_UID, FOLDER_TITLE, overwrite=True),
        )
        return renamed

    return replace(renamed, send=rename)


def permissions_step(grafana: Grafana, *, folder_is_there: bool) -> Step:
    """Return what becomes of the folder's permissions.

    Args:
        grafana: The Grafana.
        folder_is_there: Whether the folder exists; in a dry run it may not.
    """
    if not folder_is_there:
        return Step(_PERMISSIONS, State.CHANGED, _RULE)
    try:
        given = grafana.ask_list(
            "read the folder's permissions", lambda: grafana.api.folder.get_folder_permissions(FOLDER_UID)
        )
    except RefusedError as error:
        return _left(error)
    own = [item for each in given if not each.get("inherited") and (item := _item(each))]
    others = [item for item in own if "role" not in item]
    wanted = [*({"role": role, "permission": VIEW} for role in ROLES), *others]
    note = f"{_RULE}{_except(others)}"
    if _sorted(own) == _sorted(wanted):
        return Step(_PERMISSIONS, State.UNCHANGED, note)
    step = Step(_PERMISSIONS, State.CHANGED, note, difference(_sorted(own), _sorted(wanted)))

    def send() -> Step:
        try:
            grafana.ask(
                "set the folder's permissions",
                lambda: grafana.api.folder.update_folder_permissions(FOLDER_UID, {"items": wanted}),
            )
        except RefusedError as error:
            return _left(error)
        return step

    return replace(step, send=send)


def _left(error: RefusedError) -> Step:
    """Return the step of one who may not read or set permissions; raise any other error."""
    if error.status != 403:
        raise error
    return Step(_PERMISSIONS, State.LEFT, "this user or token may not set them (403)")


def _item(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return a grant in the form in which it is sent; None for one that cannot be sent (administrators have all)."""
    level = given.get("permission")
    for member in ("userId", "teamId"):
        if given.get(member):
            return {member: given[member], "permission": level}
    role = given.get("role")
    return {"role": role, "permission": level} if role and role != "Admin" else None


def _except(others: list[dict[str, Any]]) -> str:
    """Name the grants of persons and teams that allow more than to view."""
    more = sum(item["permission"] != VIEW for item in others)
    return f", and so may {more} user{'s'[: more > 1]} or team{'s'[: more > 1]} named there" if more else ""


def _sorted(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: sorted((name, str(value)) for name, value in item.items()))
