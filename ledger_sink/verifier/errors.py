"""Errors that prevent a verdict. What a verification finds wrong is a failed claim of the verdict, not an error."""


class VerifierError(Exception):
    """The verifier cannot reach a verdict (base class of all errors here)."""


class UsageError(VerifierError):
    """An option asks for what cannot be done here; exit code 2."""


class TrustError(UsageError):
    """The auditor's own policy or keys are missing or malformed; exit code 2."""


class UnreadableError(VerifierError):
    """A named file, folder or service cannot be read; exit code 3."""


class AbsentError(UnreadableError):
    """A file does not exist. In a log, a full tile may replace a partial one."""


class TooLongError(UnreadableError):
    """A file or response exceeds its size limit."""


class BudgetError(VerifierError):
    """The run's time or bytes are used up, so nothing more is read; exit code 3."""


class StateError(VerifierError):
    """The file of remembered checkpoints is malformed or cannot be read; exit code 3."""


def is_refuted(problem: Exception) -> bool:
    """Return whether an error shows that a file of a log is wrong, rather than that it could not be read.

    A signed log must have each of its files, at a size that its kind allows. So an absent file and one that is too
    long are as wrong as one with other bytes.
    """
    return not isinstance(problem, UnreadableError) or isinstance(problem, AbsentError | TooLongError)
