"""Python's garbage collector in a process that holds many records for a short while.

Records are no cycles: reference counts free them. But each is an object that the collector walks, and with
Python's own thresholds it walks all that are held after every few thousand new ones: a fifth of the ClickHouse
sink's processor time.
"""

import gc

__all__ = ["tune_gc"]


def tune_gc() -> None:
    """Have what lives as long as the process left out of the collector's rounds, and the rounds made rarer.

    It holds for the whole process, so it is for the one who owns it, once everything is imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
