"""What can go wrong for a subscriber, split by what it does next.

`TopicRefusedError`, `GroupRefusedError`: ask for what was granted. `LoginRefusedError`: mend user or password.
`RegistryError`: the registry does not answer; start again later, nothing was committed.
"""

from collections.abc import Iterable

from streams.errors import StreamsError


class SubscriberError(StreamsError):
    """Root of a subscriber's own errors."""


class TopicRefusedError(SubscriberError):
    """Kafka refuses a topic to this user."""

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
    """Kafka does not let this user in."""

    def __init__(self, user: str, address: str) -> None:
        super().__init__(f"{user} is not let in at {address}: wrong user or password, refused by Kafka")


class RegistryError(SubscriberError):
    """The schema registry does not give the schema that a record names."""
