"""A Grafana that is strict: it knows the paths of its API that a push uses, and what each accepts and returns.

Written from Grafana's OpenAPI document `public/openapi3.json` (github.com/grafana/grafana), with the schemas as of
`grafana-openapi-client-go` of 2026-07-24 that is generated from it: SaveDashboardCommand, DashboardFullWithMeta,
DashboardVersionResponseMeta, AddDataSourceCommand, UpdateDataSourceCommand, DataSource, CreateFolderCommand,
UpdateFolderCommand, Folder, UpdateDashboardACLCommand, DashboardACLInfoDTO, HealthResponse, ErrorResponseBody. A path,
method or member that the document does not have is a fault, which the fixture of a test asserts to be absent. Not in
the document are `/plugins/{id}/settings`, and what Grafana 13 does: paths with a data source's numeric id answer 404.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION = "13.0.1"
SAVE_DASHBOARD = {
    "UpdatedAt": str, "dashboard": dict, "folderId": int, "folderUid": str, "isFolder": bool, "message": str,
    "overwrite": bool, "userId": int,
}  # fmt: skip
ADD_SOURCE = {
    "access": str, "basicAuth": bool, "basicAuthUser": str, "database": str, "isDefault": bool, "jsonData": dict,
    "name": str, "secureJsonData": dict, "type": str, "uid": str, "url": str, "user": str, "withCredentials": bool,
}  # fmt: skip
UPDATE_SOURCE = ADD_SOURCE | {"version": int}
CREATE_FOLDER = {"description": str, "parentUid": str, "title": str, "uid": str}
UPDATE_FOLDER = {"description": str, "overwrite": bool, "title": str, "version": int}
UPDATE_GRANTS = {"items": list}
GRANT = {"permission": int, "role": str, "teamId": int, "userId": int}
ROLES = {"None", "Viewer", "Editor", "Admin"}
LEVELS = {1: "View", 2: "Edit", 4: "Admin"}


class RefusedError(Exception):
    """An answer with an error: its status, message and further members of ErrorResponseBody."""

    def __init__(self, status: int, message: str, /, **more: str) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, **more}


@dataclass
class Grafana:
    """What this Grafana holds, and what it was asked.

    Attributes:
        authorizations: Values of the header `Authorization` that it accepts.
        plugin: Whether the ClickHouse plug-in is installed.
        sets_permissions: Whether the user may read and set permissions.
        rewrites: It rewrites boards as it saves them, as newer releases may.
        instead: Answers in place of its own, by method and path: status and body.
        changes: Requests that change something: method, path, body.
        asked: All requests: method and path.
        faults: What the document does not have.
    """

    authorizations: set[str] = field(default_factory=set)
    plugin: bool = True
    sets_permissions: bool = True
    rewrites: bool = False
    instead: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    grants: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    changes: list[tuple[str, str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def answer(self, method: str, target: str, body: Any, authorization: str | None) -> tuple[int, Any]:
        """Answer a request with a status and a body."""
        parts = urlsplit(target)
        self.asked.append((method, parts.path))
        if (method, parts.path) in self.instead:
            return self.instead[method, parts.path]
        route = next((r for r in ROUTES if r[0] == method and re.fullmatch(r[1], parts.path)), None)
        if route is None:
            if not re.match(r"/api/datasources/\d+", parts.path):
                self.faults.append(f"{method} {parts.path} is not in the document")
            return 404, {"message": "Not found"}
        _, pattern, query, members, call = route
        if parts.path != "/api/health" and authorization not in self.authorizations:
            return 401, {"message": "Invalid username or password"}
        wrong = [name for name, _ in parse_qsl(parts.query) if name not in query]
        wrong += _misfits(body, members) if members is not None else []
        if wrong:
            self.faults += [f"{method} {parts.path}: {each}" for each in wrong]
            return 400, {"message": f"bad request data: {wrong}"}
        if method != "GET":
            self.changes.append((method, parts.path, body))
        found = re.fullmatch(pattern, parts.path)
        try:
            return 200, call(self, *(found.groups() if found else ()), *(() if members is None else (body,)))
        except RefusedError as error:
            return error.status, error.body

    def save_by_hand(self, uid: str, **members: Any) -> None:
        """Change a board as someone does in Grafana's own pages."""
        _keep(self, uid, {**self.boards[uid]["dashboard"], **members}, self.boards[uid]["folderUid"], "")


def _misfits(body: Any, members: Mapping[str, type]) -> list[str]:
    if not isinstance(body, dict):
        return ["the body is no object"]
    return [
        f"member {name}" + ("" if name in members else ": not in the document")
        for name, value in body.items()
        if name not in members or type(value) is not members[name]
    ]


def _folder(grafana: Grafana, uid: str) -> dict[str, Any]:
    if uid not in grafana.folders:
        raise RefusedError(404, "folder not found", messageId="folder.not-found")
    return grafana.folders[uid]


def _create_folder(grafana: Grafana, body: dict[str, Any]) -> dict[str, Any]:
    if body["uid"] in grafana.folders:
        raise RefusedError(409, "a folder with the same uid already exists in the current location")
    grafana.folders[body["uid"]] = {
        **body,
        "id": 7,
        "version": 1,
        "canAdmin": True,
        "url": f"/dashboards/f/{body['uid']}",
    }
    grafana.grants[body["uid"]] = [
        {"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}, {"userId": 1, "permission": 4},
    ]  # fmt: skip
    return grafana.folders[body["uid"]]


def _update_folder(grafana: Grafana, uid: str, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("overwrite") and body.get("version") != _folder(grafana, uid)["version"]:
        raise RefusedError(412, "the folder has been changed by someone else", status="version-mismatch")
    _folder(grafana, uid).update(title=body["title"])
    return _folder(grafana, uid)


def _grants(grafana: Grafana, uid: str) -> list[dict[str, Any]]:
    _may_set(grafana, uid)
    empty = {"userId": 0, "userLogin": "", "teamId": 0, "team": "", "inherited": False, "folderUid": uid}
    return [{**empty, **each, "permissionName": LEVELS[each["permission"]]} for each in grafana.grants[uid]]


def _update_grants(grafana: Grafana, uid: str, body: dict[str, Any]) -> dict[str, Any]:
    _may_set(grafana, uid)
    for item in body["items"]:
        wrong = _misfits(item, GRANT)
        subjects = [name for name in ("role", "teamId", "userId") if name in item]
        if (
            wrong
            or len(subjects) != 1
            or item.get("permission") not in LEVELS
            or item.get("role", "None") not in ROLES
        ):
            grafana.faults.append(f"grant {item}: {wrong}")
            raise RefusedError(400, "bad request data")
    grafana.grants[uid] = body["items"]
    return {"message": "Folder permissions updated"}


def _may_set(grafana: Grafana, uid: str) -> None:
    _folder(grafana, uid)
    if not grafana.sets_permissions:
        raise RefusedError(403, "You'll need additional permissions to perform this action.")


def _source(grafana: Grafana, uid: str) -> dict[str, Any]:
    if uid not in grafana.sources:
        raise RefusedError(404, "Data source not found")
    return grafana.sources[uid]


def _keep_source(grafana: Grafana, body: dict[str, Any], version: int) -> dict[str, Any]:
    shown = {name: value for name, value in body.items() if name not in {"secureJsonData", "version"}}
    secret = body.get("secureJsonData", {})
    more = {"id": 3, "orgId": 1, "url": "", "user": "", "database": "", "basicAuth": False, "readOnly": False}
    stored = {**more, **shown, "version": version, "secureJsonFields": dict.fromkeys(secret, True)}
    grafana.sources[body["uid"]] = stored
    grafana.passwords[body["uid"]] = secret.get("password", "")
    return {"datasource": stored, "id": 3, "name": body["name"], "message": "Datasource added"}


def _add_source(grafana: Grafana, body: dict[str, Any]) -> dict[str, Any]:
    if any(body["uid"] == uid or body["name"] == each["name"] for uid, each in grafana.sources.items()):
        raise RefusedError(409, "data source with the same name already exists")
    return _keep_source(grafana, body, 1)


def _update_source(grafana: Grafana, uid: str, body: dict[str, Any]) -> dict[str, Any]:
    current = _source(grafana, uid)
    if current["readOnly"]:
        raise RefusedError(403, "Cannot update read-only data source")
    return _keep_source(grafana, body, current["version"] + 1)


def _board(grafana: Grafana, uid: str) -> dict[str, Any]:
    if uid not in grafana.boards:
        raise RefusedError(404, "Dashboard not found")
    kept = grafana.boards[uid]
    meta = {
        "folderUid": kept["folderUid"],
        "provisioned": kept["provisioned"],
        "version": kept["dashboard"]["version"],
    }
    return {
        "dashboard": kept["dashboard"],
        "meta": {**meta, "canSave": True, "slug": uid, "url": f"/d/{uid}/{uid}"},
    }


def _save_board(grafana: Grafana, body: dict[str, Any]) -> dict[str, Any]:
    board, folder = body["dashboard"], body.get("folderUid", "")
    if not board.get("title") or len(board.get("uid", "")) > 40 or len(body.get("message", "")) > 500:
        raise RefusedError(400, "Dashboard title cannot be empty, a uid has 40 and a message 500 characters")
    if folder and folder not in grafana.folders:
        raise RefusedError(400, "folder not found")
    known = grafana.boards.get(board["uid"])
    if known and known["provisioned"]:
        raise RefusedError(400, "Cannot save provisioned dashboard")
    if known and not body.get("overwrite") and board.get("version") != known["dashboard"]["version"]:
        raise RefusedError(412, "The dashboard has been changed by someone else", status="version-mismatch")
    version = _keep(grafana, board["uid"], board, folder, body.get("message", ""))
    more = {"id": 11, "slug": board["uid"], "status": "success", "title": board["title"], "folderUid": folder}
    return {**more, "uid": board["uid"], "url": f"/d/{board['uid']}/{board['uid']}", "version": version}


def _keep(grafana: Grafana, uid: str, board: dict[str, Any], folder: str, message: str) -> int:
    kept = grafana.versions.setdefault(uid, [])
    content = {**json.loads(json.dumps(board)), "id": 11, "version": len(kept) + 1}
    if grafana.rewrites:
        content |= {"schemaVersion": 99, "preload": False}
    kept.append({"id": len(kept) + 1, "uid": uid, "version": len(kept) + 1, "message": message})
    grafana.boards[uid] = {"dashboard": content, "folderUid": folder, "provisioned": False}
    return len(kept)


def _versions(grafana: Grafana, uid: str) -> dict[str, Any]:
    return {"continueToken": "", "versions": grafana.versions.get(uid, [])[::-1][:2]}


def _health(_: Grafana) -> dict[str, Any]:
    return {"database": "ok", "version": VERSION, "commit": "c0ffee"}


def _plugin(grafana: Grafana, name: str) -> dict[str, Any]:
    if not grafana.plugin:
        raise RefusedError(404, "Plugin not found, no installed plugin with that id")
    return {"id": name, "type": "datasource", "enabled": True}


Route = tuple[str, str, set[str], "Mapping[str, type] | None", "Callable[..., Any]"]
"""Method, path, permitted query, members of the body (None: there is no body), what answers."""
ROUTES: tuple[Route, ...] = (
    ("GET", "/api/health", set(), None, _health),
    ("GET", "/api/plugins/([a-z-]+)/settings", set(), None, _plugin),
    ("GET", "/api/folders/(city[a-z-]*)", {"accesscontrol"}, None, _folder),
    ("POST", "/api/folders", set(), CREATE_FOLDER, _create_folder),
    ("PUT", "/api/folders/(city[a-z-]*)", set(), UPDATE_FOLDER, _update_folder),
    ("GET", "/api/folders/(city[a-z-]*)/permissions", set(), None, _grants),
    ("POST", "/api/folders/(city[a-z-]*)/permissions", set(), UPDATE_GRANTS, _update_grants),
    ("POST", "/api/datasources", set(), ADD_SOURCE, _add_source),
    ("GET", "/api/datasources/uid/([a-z-]+)", set(), None, _source),
    ("PUT", "/api/datasources/uid/([a-z-]+)", set(), UPDATE_SOURCE, _update_source),
    ("GET", "/api/dashboards/uid/([a-z-]+)", set(), None, _board),
    ("GET", "/api/dashboards/uid/([a-z-]+)/versions", {"limit", "start"}, None, _versions),
    ("POST", "/api/dashboards/db", set(), SAVE_DASHBOARD, _save_board),
)
