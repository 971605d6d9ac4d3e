"""The error that a reader raises for a record that violates a rule of its standard.

A reader turns it into a refused record with the rule's name. What becomes of a refused record:
docs/dead-letters.md.
"""


class RuleViolation(ValueError):  # noqa: N818 - it is named after what happened, as the refusal reports it
    """Violation of one rule by one record.

    Attributes:
        rule: The rule, `name@version`.
    """

    def __init__(self, rule: str, reason: str) -> None:
        """Create a violation.

        Args:
            rule: The rule, `name@version`.
            reason: What was expected and what was found, in one line.
        """
        super().__init__(reason)
        self.rule = rule


def short_repr(value: object) -> str:
    """Return the first 60 characters of a value's `repr`, for a reason."""
    return repr(value)[:60]
