"""How many examples a property takes that is dear, or runs once per schema: fewer than others, whatever the profile."""

from hypothesis import settings


def fewer(times: int) -> settings:
    """Take fewer examples than the profile that is loaded.

    Args:
        times: How many times fewer.

    Returns:
        Settings to decorate a property with; at least one example.
    """
    return settings(max_examples=max(1, settings().max_examples // times))
