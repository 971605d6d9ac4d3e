"""Accepts the records of a message together, or refuses all of them. Pure, with bounded memory.

Some standards let a message stand or fall as a whole. Its format says so (`Format.together`). Its reader judges each
record by itself. The message is read twice: the first time until a record is refused, by the reader or by what would be
made of it later; the second time its items are yielded.
"""

from collections.abc import Callable, Iterator

from streams.readers.formats import Accepted, Item, Refused

Check = Callable[[Accepted], Refused | None]
"""Returns how a record that the reader accepts would be refused later, by size or schema. None if it would not."""


def all_or_none(items: Callable[[], Iterator[Item]], rule: str, check: Check) -> Iterator[Item]:
    """Yield the items of a message. If one record is refused, all are.

    Args:
        items: Reads the message from its beginning. It is called twice, and yields the same items each time.
        rule: The rule that refuses a valid record whose message has an invalid one, `name@version`.
        check: What happens to a record later.

    Yields:
        The items in the order of the message. An invalid record has its own rule and reason. The others of its message
        have `rule`, and a reason with the number of the first invalid record.
    """
    first = next((each.record for each in _refusals(items(), check)), None)
    for item in items():
        if first is None or not isinstance(item, Accepted):
            yield item
            continue
        reason = f"the message is refused as a whole: its record {first} breaks a rule"
        yield check(item) or Refused(item.record, item.line, item.data, reason, rule, item.spans)


def _refusals(items: Iterator[Item], check: Check) -> Iterator[Refused]:
    for item in items:
        refused = check(item) if isinstance(item, Accepted) else item
        if isinstance(refused, Refused):
            yield refused
