"""A rule of a standard that a record breaks."""


class BrokenRule(ValueError):  # noqa: N818 - it is named after what happened, as the refusal tells it
    """A record breaks a rule.

    Attributes:
        rule: The rule, `name@version`.
    """

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


def shown(value: object) -> str:
    """Spell a value for a message, short."""
    return repr(value)[:60]
