"""The SDK of a subscriber: typed events of granted topics with their ledger position, each at least once.

    connection = Connection("127.0.0.1:19093", "insurer-a", password)
    with Subscription(connection, RegistrySchemas("http://127.0.0.1:18080"), ["vehicle.accident"]) as events:
        for event in events:
            open_a_claim(event.fields, evidence=event.position)
            events.handled(event)

`city prove --topic T --partition P --offset O` makes the evidence bundle of an event's `position`.
"""

from streams.subscriber.connection import Connection
from streams.subscriber.event import Event, RecordPosition
from streams.subscriber.registry import RegistrySchemas
from streams.subscriber.subscription import Start, Subscription

__all__ = ["Connection", "Event", "RecordPosition", "RegistrySchemas", "Start", "Subscription"]
