"""What can go wrong in this package; apart from the rest, whose libraries take a second to import."""


class PushError(Exception):
    """Grafana did not answer or refused: one line with its address and what it said."""
