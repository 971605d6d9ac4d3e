"""Closed lists of a standard, written as running text: a hundred words in five lines."""


def word_list(text: str) -> frozenset[str]:
    """Return the words of a text that white space separates."""
    return frozenset(text.split())
