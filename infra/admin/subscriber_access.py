"""Brings the cluster's users and grants to what the subscribers' files say; safe to repeat at every start.

Each declared subscriber has a user of the same name, whose password is made once and kept in
`<data>/keys/subscribers/<name>` (0600), may read its topics, and may use consumer groups under its own prefix.
A grant that its file no longer gives is taken away; so is the user of a file that is gone. Users that somebody
else made in the cluster are left alone: whose user is ours is told by the password's file.

On a cluster of somebody else (`--kafka`) this is done only where its SASL listener is named (`CITY_SASL`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.errors import DataDirectoryError, SettingsError
from infra.kafka.access import ensure_user, remove_user, settle_grants
from infra.kafka.admin import connect
from infra.settings import own_secret
from schemas.asyncapi import Deployment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.settings import Secret, Settings
    from schemas.subscriber_grants import Subscriber


def password_file(data: Path, name: str) -> Path:
    """Return where the password of a subscriber is kept."""
    return data / "keys" / "subscribers" / name


def give_access(settings: Settings, subscribers: Mapping[str, Subscriber]) -> None:
    """Let the declared subscribers read what they may, and nobody else whom we once let in.

    Raises:
        AccessSetupError: the cluster refused.
        DataDirectoryError: a password cannot be kept.
    """
    if not settings.sasl_address:
        return
    admin = connect(settings.kafka_address)
    for each in subscribers.values():
        ensure_user(admin, each.name, str(own_secret(password_file(settings.data, each.name))))
        settle_grants(admin, each.name, each.topics)
    for gone in sorted(_known(settings.data) - set(subscribers)):
        remove_user(admin, gone)
        password_file(settings.data, gone).unlink(missing_ok=True)


def where(settings: Settings, subscribers: Mapping[str, Subscriber]) -> str:
    """Say in one line where subscribers connect, and who they are."""
    if not settings.sasl_address:
        return f"nobody: to let them in, name the SASL listener of {settings.kafka} with CITY_SASL=HOST:PORT"
    return f"{settings.sasl_address} (SASL SCRAM-SHA-512): {', '.join(subscribers)}"


def place(settings: Settings) -> Deployment:
    """Say where a stack's subscribers reach it, for the documents about it.

    Raises:
        SettingsError: they cannot: the SASL listener is not known.
    """
    if not settings.sasl_address:
        raise SettingsError(
            f"{settings.kafka}: no subscriber can reach it; name its SASL listener with CITY_SASL"
        )
    return Deployment(settings.city, settings.sasl_address, settings.web_url, settings.partitions)


def password_of(settings: Settings, name: str) -> Secret:
    """Return the password that a stack made for a subscriber.

    Raises:
        DataDirectoryError: it made none.
    """
    path = password_file(settings.data, name)
    if not path.exists():
        raise DataDirectoryError(
            f"{settings.data}: no password of {name}; its user is made by `city up` from a file "
            "(`city subscribe --list`); elsewhere name the password's file with --password-file"
        )
    return own_secret(path)


def _known(data: Path) -> set[str]:
    """Return the users that this stack made."""
    folder = password_file(data, "x").parent
    return (
        {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        if folder.is_dir()
        else set()
    )
