"""A strict RLP decoder (Ethereum Yellow Paper, appendix B): canonical encodings only, with bounded depth."""

from __future__ import annotations

from ledger_sink.receipt.errors import ReceiptError

Item = bytes | list["Item"]
MAX_DEPTH = 16


def decode(data: bytes) -> Item:
    """Decode exactly one item.

    Raises:
        ReceiptError: if a length is not minimal or does not fit, or bytes are left over.
    """
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise ReceiptError(f"RLP: expected {end} bytes, got {len(data)}")
    return item


def decode_list(data: bytes, what: str) -> list[Item]:
    """Decode exactly one list; errors as of `decode`, or if it is a byte string."""
    item = decode(data)
    if isinstance(item, bytes):
        raise ReceiptError(f"{what}: expected an RLP list, got {len(item)} bytes")
    return item


def as_bytes(items: list[Item], index: int, what: str) -> bytes:
    """Return an item of a list.

    Raises:
        ReceiptError: if there is no such item, or it is a list.
    """
    item = items[index] if index < len(items) else None
    if not isinstance(item, bytes):
        raise ReceiptError(f"{what}: expected bytes as RLP item {index}")
    return item


def as_integer(items: list[Item], index: int, what: str) -> int:
    """Return an item of a list as an integer: big-endian without leading zeros, up to 32 bytes.

    Raises:
        ReceiptError: if there is no such item, or it is no such integer.
    """
    data = as_bytes(items, index, what)
    if data[:1] == b"\0" or len(data) > 32:
        raise ReceiptError(f"{what}: expected an integer as RLP item {index}, got {data[:40].hex()}")
    return int.from_bytes(data, "big")


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end or depth > MAX_DEPTH:
        raise ReceiptError(f"RLP: expected an item at byte {at}, at most {MAX_DEPTH} deep")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, size = _payload(data, at, first - (0xC0 if is_list else 0x80))
    stop = start + size
    if stop > end:
        raise ReceiptError(f"RLP: the item at byte {at} ends at {stop}, the data at {end}")
    if not is_list:
        if size == 1 and data[start] < 0x80:
            raise ReceiptError(f"RLP: the byte at {at} is not spelled as itself")
        return data[start:stop], stop
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _payload(data: bytes, at: int, code: int) -> tuple[int, int]:
    """Return the start and the length of an item's content."""
    if code < 56:
        return at + 1, code
    width = code - 55
    spelled = data[at + 1 : at + 1 + width]
    size = int.from_bytes(spelled, "big")
    if len(spelled) != width or spelled[0] == 0 or size < 56:
        raise ReceiptError(f"RLP: the length at byte {at} is not the shortest")
    return at + 1 + width, size
