"""Errors of the verifier about what it was asked to do. What it finds wrong goes into the verdict."""


class VerifierError(Exception):
    """The verifier cannot come to a verdict (root of all errors here); exit code 2."""


class UnreadableError(VerifierError):
    """A file or folder that was named cannot be read."""


class AbsentError(UnreadableError):
    """There is no file of that name: of a log, another one may stand in for it."""


class TooLongError(UnreadableError):
    """What was read is longer than it may be."""


class StateError(VerifierError):
    """The file of remembered checkpoints is not one of ours, or cannot be read."""


class TrustError(VerifierError):
    """The auditor's own policy or keys are missing or malformed."""
