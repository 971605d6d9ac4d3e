"""How long a test waits for what has a time limit: a busy machine is slow, and that is no fault of what is tested."""

BUSY = 4.0
"""Several test processes share each core, so a step takes several times as long; benchmarks judge speed."""


def patient(limit_s: float) -> float:
    """Stretch a time limit.

    Args:
        limit_s: What a machine that does nothing else keeps, seconds.

    Returns:
        Seconds after which even a busy machine has done it.
    """
    return limit_s * BUSY
