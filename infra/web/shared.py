"""`/subscribers`: who may read what, and the AsyncAPI document of each. Neither holds a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from infra.admin.subscriber_access import deployment
from infra.errors import SettingsError
from schemas import asyncapi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.settings import Settings
    from schemas.catalog import Catalog
    from schemas.subscriber_grants import Subscriber


def index(subscribers: Mapping[str, Subscriber]) -> list[dict[str, Any]]:
    """Return the subscribers and their topics as JSON values."""
    return [
        {
            "name": each.name,
            "title": each.title,
            "purpose": each.purpose,
            "roles": each.roles,
            "topics": each.topics,
            "asyncapi": f"/subscribers/{each.name}/asyncapi.json",
        }
        for each in subscribers.values()
    ]


def describe(settings: Settings, catalog: Catalog, subscriber: Subscriber | None) -> Response:
    """Return the response with one subscriber's AsyncAPI document; 404 if there is none."""
    if subscriber is None:
        return PlainTextResponse("no such subscriber; /subscribers lists them\n", 404)
    try:
        document = asyncapi.document(catalog, subscriber, deployment(settings))
    except SettingsError as error:
        return PlainTextResponse(f"{error}\n", 404)
    return JSONResponse(document, media_type="application/vnd.aai.asyncapi+json;version=3.0.0")
