"""Arrays of float64 in NumPy's .npy format, versions 1 and 2, without NumPy. Pure.

Layout: magic string, version, header length (little endian), a Python literal with `descr`, `fortran_order` and
`shape`, then the numbers. Supported is what comma2k19 logs hold: little-endian float64, one or two dimensions, in C
order. Everything else is refused.
"""

import ast
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MAGIC = b"\x93NUMPY"
LARGEST_HEADER = 4096
_FLOAT = 8


@dataclass(frozen=True, slots=True)
class Array:
    """A parsed array.

    Attributes:
        rows: Its rows; a one-dimensional array has rows of one number.
        data: The bytes of all numbers.
        width: Numbers per row.
    """

    rows: Sequence[tuple[float, ...]]
    data: bytes
    width: int

    def raw(self, row: int) -> bytes:
        """Return the bytes of the row with an index from 0."""
        size = self.width * _FLOAT
        return self.data[row * size : (row + 1) * size]

    def column(self, number: int) -> list[float]:
        """Return the column with an index from 0."""
        return [row[number] for row in self.rows]


def parse(content: bytes) -> Array:
    """Parse the content of a `.npy` file.

    Raises:
        ValueError: It is not such an array, or its length does not fit its shape.
    """
    if not content.startswith(MAGIC) or len(content) < 12:
        raise ValueError("not a NumPy array: no magic string")
    if content[6] not in (1, 2):
        raise ValueError(f"NumPy format version: expected 1 or 2, got {content[6]}")
    begin = 10 if content[6] == 1 else 12
    length = int.from_bytes(content[8:begin], "little")
    header = content[begin : begin + length]
    if length > LARGEST_HEADER or len(header) < length:
        raise ValueError(
            f"NumPy header: expected {length} bytes, at most {LARGEST_HEADER}, got {len(header)}"
        )
    count, width = _shape(header)
    data = content[begin + length :]
    if len(data) != count * width * _FLOAT:
        raise ValueError(
            f"NumPy data: expected {count * width * _FLOAT} bytes for its shape, got {len(data)}"
        )
    return Array(list(struct.iter_unpack(f"<{width}d", data)), data, width)


def _shape(header: bytes) -> tuple[int, int]:
    """Return the number of rows and columns that a header declares."""
    try:
        found = ast.literal_eval(header.decode("latin-1").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError("NumPy header: not a Python literal") from None
    if not isinstance(found, dict) or found.get("descr") != "<f8" or found.get("fortran_order") is not False:
        raise ValueError(f"NumPy header: expected little-endian float64 row by row, got {found!r:.80}")
    shape = found.get("shape")
    if (
        not isinstance(shape, tuple)
        or not 1 <= len(shape) <= 2
        or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
        or 0 in shape[1:]
    ):
        raise ValueError(f"NumPy header: expected one or two dimensions, got {shape!r:.40}")
    return shape[0], (shape[1] if len(shape) == 2 else 1)
