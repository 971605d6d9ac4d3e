"""Names of keys in signed notes (C2SP signed-note, "Format")."""

from typing import Final

from ledger_sink.format.errors import KeyFormatError, NoteFormatError
from ledger_sink.format.scan import excerpt

MAX_NAME_BYTES: Final = 255


def require_key_name(name: str, error: type[KeyFormatError | NoteFormatError]) -> None:
    """Check a key name: 1 to 255 bytes of UTF-8 without white space, `+` or control characters.

    Raises:
        KeyFormatError: if it is malformed and `error` is that class.
        NoteFormatError: if it is malformed and `error` is that class.
    """
    bad = any(c.isspace() or c == "+" or c < " " for c in name)
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise error(f"key name: expected text that UTF-8 can spell, got {excerpt(name)}") from None
    if bad or not 1 <= length <= MAX_NAME_BYTES:
        raise error(f"key name: expected 1 to 255 bytes without spaces or '+', got {excerpt(name)}")
