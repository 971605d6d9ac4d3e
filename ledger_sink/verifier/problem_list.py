"""A list of problems in words that a hostile log cannot make arbitrarily long."""

MOST_KEPT = 10_000


class ProblemList(list[str]):
    """Problems in words. Beyond the first 10,000 they are counted in `left_out` and not kept."""

    left_out = 0

    def append(self, words: str, /) -> None:
        """Add a problem, or only count it."""
        if len(self) < MOST_KEPT:
            super().append(words)
        else:
            self.left_out += 1
