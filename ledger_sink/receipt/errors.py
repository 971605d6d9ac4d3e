"""Errors of receipts, split by what a reader may say: it is wrong, or it was not checked."""


class ReceiptError(Exception):
    """A receipt cannot be read or does not show what it must: forged, damaged, or of another checkpoint."""


class UncheckedError(Exception):
    """Nothing is known to be wrong, but nothing is shown either; the message tells what is missing."""


class UntrustedError(UncheckedError):
    """The reader's own trust (roots, block hashes, copies) does not speak of this receipt's issuer."""


class MissingLibraryError(UncheckedError):
    """The library that reads this kind of receipt is not installed."""
