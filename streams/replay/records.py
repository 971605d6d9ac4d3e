"""Makes the Kafka records of a source record: its events, or its one dead letter.

The result depends only on the file, its shift and the data directory's secret (docs/identity.md#determinism). It does
not depend on when or how often it is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.names import topic_name
from streams.dead_letter import PREFIX_BYTES, FileOrigin, Refusal, dead_letter, topic_for
from streams.errors import RefusedEventError, SubjectForgottenError
from streams.identity.event_ids import recording_id, recording_salt
from streams.identity.pseudonyms import keyed_digest, keyed_record
from streams.identity.secret import DeploymentSecret
from streams.produce.producer import EventProducer
from streams.readers.formats import Accepted, EventDraft, Item, Refused
from streams.readers.source import shown
from streams.record import Header, ProducerRecord
from streams.replay.input import Input
from streams.replay.time_shift import shifted

RECORDING_TOPIC = topic_name("platform", "recording")

PRODUCE_RULE = "produce@1"
"""Rule of the dead letter of a record whose events the producer refuses."""

ERASED_RULE = "erased-person@1"
"""Rule of the dead letter of an accepted record of an erased person. It names neither record nor line."""

WITHHELD = 0
"""Record number that stands for a record of an erased person."""

WHOLE_FILE_RULE = "open-recording@1"
"""Rule of the dead letter of a whole file."""

WHOLE_FILE = 0
"""Record number that stands for the file itself."""


@dataclass(frozen=True)
class RecordWriter:
    """Maker of the Kafka records of source records.

    Attributes:
        producer: Checks, encrypts and encodes events.
        secret: Secret of the data directory, for salts.
        anchor_us: Time of events without a time of their own, µs since 1970.
        headers: Further headers of every event.
    """

    producer: EventProducer
    secret: DeploymentSecret
    anchor_us: int
    headers: tuple[Header, ...] = ()

    def write(self, file: Input, item: Item) -> tuple[Item, list[ProducerRecord]]:
        """Make the records of an item.

        Args:
            file: The item's file.
            item: What the reader yielded.

        Returns:
            The item, refused instead of accepted if the producer refuses its events, and its records.
        """
        if isinstance(item, Accepted):
            try:
                return item, self._events(file, item)
            except SubjectForgottenError as error:
                return _erased(item, error), [self._erased_letter(file, item, error)]
            except RefusedEventError as error:
                item = _refused(item, error)
        if isinstance(item, Refused):
            return item, [self._dead_letter(file, item)]
        return item, []

    def check(self, file: Input, item: Accepted) -> Refused | None:
        """Return how `write` would refuse an accepted record, None if it would not.

        Args:
            file: The record's file.
            item: The record.
        """
        try:
            self._events(file, item)
        except SubjectForgottenError as error:
            return _erased(item, error)
        except RefusedEventError as error:
            return _refused(item, error)
        return None

    def refuse(
        self, file: Input, item: Accepted, error: RefusedEventError
    ) -> tuple[Item, list[ProducerRecord]]:
        """Make the dead letter of an accepted record whose events the producer refuses.

        Args:
            file: The record's file.
            item: The record.
            error: Why the producer refuses it.

        Returns:
            The refused item and its dead letter.
        """
        refused = _refused(item, error)
        return refused, [self._dead_letter(file, refused)]

    def write_end(self, file: Input) -> list[ProducerRecord]:
        """Make the record of the file's counts, or the dead letter of a file that cannot be read."""
        if file.recording.problem is not None:
            return [self._whole_file(file, file.recording.problem)]
        form, done = file.recording.format, file.done
        fields = {
            "path": shown(file.recording.path.name),
            "sha256": file.recording.sha256,
            "format": done.format,
            "domain": form.domain if form else None,
            "read": done.read,
            "accepted": done.accepted,
            "refused": done.refused,
            "skipped": done.skipped,
        }
        last_us = self.anchor_us - done.shift_us if done.last_us is None else done.last_us
        return [self.producer.prepare(RECORDING_TOPIC, self._event(file, (WHOLE_FILE, 0), last_us, fields))]

    def digest(self, file: Input) -> bytes:
        """Return the digest from which the ids of a file's events follow: that of the file."""
        return bytes.fromhex(file.recording.sha256)

    def record(self, number: int) -> int:
        """Return the record number that a source names: the reader's own."""
        return number

    def _events(self, file: Input, item: Accepted) -> list[ProducerRecord]:
        return [
            self.producer.prepare(
                draft.topic, self._draft_event(file, (item.record, number), draft), headers=self.headers
            )
            for number, draft in enumerate(item.drafts)
        ]

    def _draft_event(self, file: Input, number: tuple[int, int], draft: EventDraft) -> dict[str, Any]:
        """Make the event of a draft. For a person, neither id nor source reveals the row of the file."""
        topic = self.producer.catalog.topics.get(draft.topic)
        by_us = file.done.shift_us
        fields = shifted(topic.schema.tree, draft.fields, by_us) if topic and by_us else draft.fields
        event = self._event(file, number, draft.occurred_at, fields)
        if topic is None or not topic.pseudonym:
            return event
        digest = self.digest(file)
        event_id = recording_id(draft.occurred_at // 1000, keyed_digest(self.secret, digest), *number)
        return {
            **event,
            "event_id": event_id,
            "salt": recording_salt(self.secret, event_id),
            "source": f"{file.recording.source}#{keyed_record(self.secret, digest, number[0])}",
        }

    def _event(
        self, file: Input, number: tuple[int, int], recorded_us: int, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Add the envelope. `number` is the source record's number and the event's number in it."""
        event_id = recording_id(recorded_us // 1000, self.digest(file), *number)
        shift_us = file.done.shift_us
        return {
            "event_id": event_id,
            "salt": recording_salt(self.secret, event_id),
            "source": f"{file.recording.source}#{self.record(number[0])}",
            "occurred_at": recorded_us + shift_us,
            "recorded_at": recorded_us if shift_us else None,
            **fields,
        }

    def _dead_letter(self, file: Input, item: Refused) -> ProducerRecord:
        event = self._dead_letter_event(file, item)
        return self.producer.prepare(self._dead_letter_topic(file), event)

    def _erased_letter(self, file: Input, item: Accepted, error: SubjectForgottenError) -> ProducerRecord:
        """Make the dead letter of a record of an erased person. A holder of the file cannot find the row by it.

        `platform.erasure` names the pseudonym of the person: a row number beside it would say who it was.
        """
        digest = bytes.fromhex(file.recording.sha256)
        name = keyed_record(self.secret, digest, item.record)
        event = self._dead_letter_event(file, _erased(item, error), name)
        return self.producer.prepare(self._dead_letter_topic(file), event)

    def _whole_file(self, file: Input, problem: str) -> ProducerRecord:
        """Make the dead letter of a file. Without a format it keeps no bytes: the file may hold personal data."""
        with file.recording.path.open("rb") as stream:
            beginning = stream.read(PREFIX_BYTES)
            length = stream.seek(0, 2)
        if file.recording.format is None:
            beginning = b""
        event = self._dead_letter_event(file, Refused(WHOLE_FILE, None, beginning, problem, WHOLE_FILE_RULE))
        event |= {"length": length, "sha256": bytes.fromhex(file.recording.sha256)}
        return self.producer.prepare(self._dead_letter_topic(file), event)

    def _dead_letter_event(self, file: Input, item: Refused, name: str = "") -> dict[str, Any]:
        """Make the event of a dead letter. `name` stands for the record's number where that is withheld."""
        recording, last_us = file.recording, file.done.last_us
        return dead_letter(
            FileOrigin(shown(recording.path.name), recording.sha256, item.record, item.line),
            Refusal("read", item.reason, item.rule, form=name),
            item.data,
            source=f"{recording.source}#{name or item.record}",
            occurred_us=self.anchor_us if last_us is None else last_us + file.done.shift_us,
            key=f"{recording.sha256}:{name}" if name else None,
        )

    def _dead_letter_topic(self, file: Input) -> str:
        return topic_for(file.recording.format.domain if file.recording.format else None)


def _refused(item: Accepted, error: RefusedEventError) -> Refused:
    return Refused(item.record, item.line, item.data, str(error), PRODUCE_RULE, item.spans)


def _erased(item: Accepted, error: SubjectForgottenError) -> Refused:
    """Return the refused record of an erased person, without its bytes and its place."""
    return Refused(WITHHELD, None, b"", str(error), ERASED_RULE, item.spans)
