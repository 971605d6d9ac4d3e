"""Errors that prevent a verdict. What a verification finds wrong is a failed claim of the verdict, not an error."""


class VerifierError(Exception):
    """The verifier cannot reach a verdict (base class of all errors here); exit code 2."""


class UnreadableError(VerifierError):
    """A named file, folder or service cannot be read."""


class AbsentError(UnreadableError):
    """A file does not exist. In a log, a full tile may replace a partial one."""


class TooLongError(UnreadableError):
    """A file or response exceeds its size limit."""


class StateError(VerifierError):
    """The file of remembered checkpoints is malformed or cannot be read."""


class TrustError(VerifierError):
    """The auditor's own policy or keys are missing or malformed."""
