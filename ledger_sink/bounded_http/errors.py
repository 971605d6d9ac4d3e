"""Why there is no answer."""


class NoAnswerError(Exception):
    """There is no complete answer; the message says why, without the URL's path."""


class TooLargeError(NoAnswerError):
    """The body exceeds its limit."""


class RedirectRefusedError(NoAnswerError):
    """The server points somewhere else; the message names the place."""


class BudgetSpentError(NoAnswerError):
    """A run's own time or bytes are used up; no further request is made."""
