"""Closed lists of a standard, written as running text: a hundred words in five lines."""


def listed(text: str) -> frozenset[str]:
    """Cut a text at its blanks."""
    return frozenset(text.split())
