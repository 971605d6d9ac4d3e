"""Errors of a subscriber, split by what it does next.

`TopicRefusedError`, `GroupRefusedError`: request what was granted. `LoginRefusedError`: correct user or password.
`RegistryError`: start again later; nothing was committed.
"""

from collections.abc import Iterable

from streams.errors import StreamsError


class SubscriberError(StreamsError):
    """Base of the subscriber's errors."""


class TopicRefusedError(SubscriberError):
    """Kafka refuses a topic to this user.

    Attributes:
        topics: Refused topics.
        granted: Topics that this user may read.
    """

    def __init__(self, user: str, topics: Iterable[str], granted: Iterable[str]) -> None:
        self.topics = tuple(topics)
        self.granted = tuple(granted)
        super().__init__(
            f"{user} may not read {', '.join(self.topics)}: refused by Kafka; "
            f"granted are {', '.join(self.granted) or 'no topics'}"
        )


class GroupRefusedError(SubscriberError):
    """Kafka refuses the consumer group to this user."""

    def __init__(self, user: str, group: str) -> None:
        super().__init__(
            f"{user} may not use the consumer group {group}: refused by Kafka; "
            f"the user's own begin with {user}."
        )


class LoginRefusedError(SubscriberError):
    """Kafka refuses the login of this user."""

    def __init__(self, user: str, address: str) -> None:
        super().__init__(f"{user} is not let in at {address}: wrong user or password, refused by Kafka")


class RegistryError(SubscriberError):
    """The schema registry does not return the schema that a record names."""
