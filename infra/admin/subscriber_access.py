"""Users and grants of the subscribers in Kafka, brought to what their files declare; safe to repeat at every start.

Each declared subscriber has a user of the same name. Its password is made once and kept in
`<data>/keys/subscribers/<name>` (0600). The user may read its topics and use consumer groups under its own prefix.
A grant that the file no longer gives is revoked, and the user of a removed file is removed. A user is the stack's
own if its password file exists; all other users of the cluster are left alone.

On an operator's own cluster (`--kafka`) this is done only where its SASL listener is named (`CITY_SASL`).
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
    """Return the file that keeps a subscriber's password."""
    return data / "keys" / "subscribers" / name


def give_access(settings: Settings, subscribers: Mapping[str, Subscriber]) -> None:
    """Give the declared subscribers their users and grants; remove the users of removed ones.

    Raises:
        AccessSetupError: The cluster refused.
        DataDirectoryError: A password cannot be kept.
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
    """Return one line: where subscribers connect, and their names."""
    if not settings.sasl_address:
        return f"nobody: to let them in, name the SASL listener of {settings.kafka} with CITY_SASL=HOST:PORT"
    return f"{settings.sasl_address} (SASL SCRAM-SHA-512): {', '.join(subscribers)}"


def deployment(settings: Settings) -> Deployment:
    """Return the addresses under which subscribers reach a stack, for their AsyncAPI documents.

    Raises:
        SettingsError: The SASL listener is not known, so no subscriber reaches it.
    """
    if not settings.sasl_address:
        raise SettingsError(
            f"{settings.kafka}: no subscriber can reach it; name its SASL listener with CITY_SASL"
        )
    return Deployment(settings.city, settings.sasl_address, settings.web_url, settings.partitions)


def password_of(settings: Settings, name: str) -> Secret:
    """Return the password that a stack made for a subscriber.

    Raises:
        DataDirectoryError: The stack made none.
    """
    path = password_file(settings.data, name)
    if not path.exists():
        raise DataDirectoryError(
            f"{settings.data}: no password of {name}; its user is made by `city up` from a file "
            "(`city subscribe --list`); elsewhere name the password's file with --password-file"
        )
    return own_secret(path)


def _known(data: Path) -> set[str]:
    """Return the names of the users that this stack made."""
    folder = password_file(data, "x").parent
    return (
        {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        if folder.is_dir()
        else set()
    )
