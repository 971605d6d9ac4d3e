"""Errors of receipts: one class for a wrong receipt, others for a receipt that was not checked."""


class ReceiptError(Exception):
    """A receipt is malformed, forged, damaged, or of another checkpoint."""


class UncheckedError(Exception):
    """A receipt was not checked: it is neither refuted nor proved. The message states what is missing."""


class UntrustedError(UncheckedError):
    """The reader's own trust (roots, block hashes, copies) does not include this receipt's issuer."""


class MissingLibraryError(UncheckedError):
    """The library for this kind of receipt is not installed."""
