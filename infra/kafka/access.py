"""Users of the cluster (SCRAM-SHA-512) and their grants (ACLs).

A user may do what was granted here and nothing else, because the broker denies by default. A grant covers reading
named topics and using consumer groups under the user's own prefix; no user is ever granted to write. Passwords are
not kept here: the cluster stores salted hashes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from infra.kafka.admin import REQUEST_S, reason
from infra.kafka.errors import AccessSetupError
from infra.kafka.server_properties import SUPER_USER
from schemas.names import own_group_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

ITERATIONS = 8192
SHORTEST_PASSWORD = 8
_USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,62}")


def ensure_user(admin: Any, name: str, password: str) -> None:
    """Create a user, or set the password of an existing one.

    Raises:
        AccessSetupError: The name or the password is not allowed, or the cluster refused.
    """
    _require_name(name)
    if len(password) < SHORTEST_PASSWORD:
        raise AccessSetupError(
            f"user {name}: expected a password of {SHORTEST_PASSWORD} characters or more, got {len(password)}"
        )
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    _alter_users(admin, [UserScramCredentialUpsertion(name, info, password.encode())])


def remove_user(admin: Any, name: str) -> None:
    """Revoke a user's grants and then remove the user; a missing user is no error.

    Raises:
        AccessSetupError: The cluster refused.
    """
    _require_name(name)
    revoke(admin, name)
    _alter_users(admin, [UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)])


def settle_grants(admin: Any, user: str, topics: Iterable[str]) -> int:
    """Make the grants of a user exactly these; a grant that stays is never revoked in between.

    The user may read the topics, and use consumer groups whose names begin with the user's name and a dot.

    Args:
        admin: An admin client of the platform's own listener.
        user: The user's name.
        topics: Full names of all topics that the user may read.

    Returns:
        How many grants were revoked.

    Raises:
        AccessSetupError: A name is not allowed, or the cluster refused.
    """
    wanted = {*_bindings(user, topics)}
    try:
        found = {*admin.describe_acls(_filter(user), request_timeout=REQUEST_S).result()}
    except KafkaException as error:
        raise AccessSetupError(f"user {user}: the grants could not be read: {reason(error)}") from error
    if wanted - found:
        _grant(admin, user, [*(wanted - found)])
    surplus = [
        AclBindingFilter(
            each.restype,
            each.name,
            each.resource_pattern_type,
            each.principal,
            each.host,
            each.operation,
            each.permission_type,
        )
        for each in found - wanted
    ]
    return _delete_grants(admin, user, surplus)


def _bindings(user: str, topics: Iterable[str]) -> list[AclBinding]:
    """Return a user's grants in the form in which the cluster keeps them."""
    _require_name(user)
    literal = [
        (ResourceType.TOPIC, _require_topic(user, topic), ResourcePatternType.LITERAL) for topic in topics
    ]
    resources = [*literal, (ResourceType.GROUP, own_group_prefix(user), ResourcePatternType.PREFIXED)]
    return [
        AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for kind, name, pattern in resources
        for operation in (AclOperation.READ, AclOperation.DESCRIBE)
    ]


def _grant(admin: Any, user: str, bindings: list[AclBinding]) -> None:
    for binding, future in admin.create_acls(bindings, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            raise AccessSetupError(
                f"user {user}: no grant to read {binding.name}: {reason(error)}"
            ) from error


def revoke(admin: Any, user: str) -> int:
    """Revoke all grants of a user and return how many there were.

    Raises:
        AccessSetupError: The cluster refused.
    """
    _require_name(user)
    return _delete_grants(admin, user, [_filter(user)])


def _filter(user: str) -> AclBindingFilter:
    """Return a filter that matches every grant of a user."""
    return AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        f"User:{user}",
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _delete_grants(admin: Any, user: str, filters: list[AclBindingFilter]) -> int:
    if not filters:
        return 0
    try:
        futures = admin.delete_acls(filters, request_timeout=REQUEST_S).values()
        return sum(len(future.result()) for future in futures)
    except KafkaException as error:
        raise AccessSetupError(f"user {user}: the grants could not be taken away: {reason(error)}") from error


def _require_name(name: str) -> None:
    """Refuse the super user's name, and names with a dot, which would end a group prefix."""
    if name == SUPER_USER or not _USER_NAME.fullmatch(name):
        raise AccessSetupError(
            f"user {name!r}: expected 1 to 63 letters, digits, hyphens or underscores, and not {SUPER_USER}"
        )


def _require_topic(user: str, topic: str) -> str:
    """Refuse `*`, which Kafka takes for every topic; return any other name."""
    if topic in {"", "*"}:
        raise AccessSetupError(f"user {user}: expected the name of a topic, got {topic!r}")
    return topic


def _alter_users(admin: Any, alterations: list[Any]) -> None:
    for name, future in admin.alter_user_scram_credentials(alterations, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.RESOURCE_NOT_FOUND:
                continue
            raise AccessSetupError(f"user {name} could not be changed: {reason(error)}") from error
