"""Accepts the records of a message together, or refuses all of them. Pure, with bounded memory.

Some standards let a message stand or fall as a whole. Its format says so (`Format.together`). Its reader judges each
record by itself. The message is read twice: the first time until a record is refused, by the reader or by what would be
made of it later; the second time its items are yielded. A short message is read once.
"""

from collections.abc import Callable, Iterator

from streams.readers.formats import Accepted, Item, Refused, Skipped

SHORT = 500
"""Items of a message that is kept, so that it is read once."""

SHORT_BYTES = 1 << 22
"""Bytes of a message that is kept."""

Check = Callable[[Accepted], Refused | None]
"""Returns how a record that the reader accepts would be refused later, by size or schema. None if it would not."""


def all_or_none(items: Callable[[], Iterator[Item]], rule: str, check: Check) -> Iterator[Item]:
    """Yield the items of a message. If one record is refused, all are.

    Args:
        items: Reads the message from its beginning. It is called twice at most, and yields the same items each time.
        rule: The rule that refuses a valid record whose message has an invalid one, `name@version`.
        check: What happens to a record later.

    Yields:
        The items in the order of the message. An invalid record has its own rule and reason. The others of its message
        have `rule`, and a reason with the number of the first invalid record.
    """
    short: list[Item] = []
    first: Refused | None = None
    whole, kept = True, 0
    for number, item in enumerate(items()):
        refused = check(item) if isinstance(item, Accepted) else item
        if isinstance(refused, Refused):
            first, whole = refused, False
            break
        kept += 0 if isinstance(item, Skipped) else len(item.data)
        if number < SHORT and kept <= SHORT_BYTES and whole:
            short.append(item)
        elif whole:
            short.clear()
            whole = False
    if first is None:
        yield from short if whole else items()
        return
    reason = f"the message is refused as a whole: its record {first.record} breaks {first.rule}"
    for item in items():
        if isinstance(item, Accepted):
            yield check(item) or Refused(item.record, item.line, item.data, reason, rule, item.spans)
        else:
            yield item
