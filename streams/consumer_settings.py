"""What every consumer of this layer has in common (docs/delivery.md#transactions)."""

from typing import Final

ISOLATION: Final = "read_committed"
"""The isolation level: neither records of an aborted transaction nor those of an open one are read."""

READ_COMMITTED: Final = {"isolation.level": ISOLATION}
"""The setting of a librdkafka consumer. Its end offsets are then last stable offsets, too."""
