"""Errors of the verifier about what it was asked to do. What it finds wrong goes into the verdict."""


class VerifierError(Exception):
    """The verifier cannot come to a verdict (root of all errors here); exit code 2."""


class UnreadableError(VerifierError):
    """A file or folder that was named cannot be read."""


class TrustError(VerifierError):
    """The auditor's own policy or keys are missing or malformed."""
