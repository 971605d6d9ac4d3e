"""Errors of this package. They stand apart because the other modules' libraries take a second to import."""


class PushError(Exception):
    """Grafana did not answer or refused. The message is one line with its address and its answer."""
