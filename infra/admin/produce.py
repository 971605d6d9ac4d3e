"""What operators send into a running stack: JSON lines, replays, new epochs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.errors import SettingsError
from infra.layer_configs import ledger_config, streams_config
from infra.near_names import did_you_mean

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from infra.settings import Settings
    from schemas.catalog import Catalog
    from streams.replay.input import InputReport
    from streams.replay.schedule import Speed


def replay_reports(
    settings: Settings,
    topics: Catalog,
    paths: Sequence[Path],
    *,
    format_name: str | None,
    speed: Speed,
    shift_to_now: bool,
    stop: threading.Event,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, Any]]:
    """Replay files and folders (none: the bundled ones) and return the report of each, by path.

    Args:
        settings: The stack.
        topics: Its catalogue.
        paths: The recordings.
        format_name: Read every file as this format; None: detect it.
        speed: `live`, `max`, or a factor of real time.
        shift_to_now: Whether to move the recordings' times to now.
        stop: Ends the replay in order.
        progress: Called with how far the replay has come.
    """
    from streams.replay.recordings import bundled, bundled_scenarios
    from streams.replay.run import replay

    reports = replay(
        streams_config(settings),
        topics,
        list(paths) or [*bundled(), *bundled_scenarios()],
        format=format_name,
        speed=speed,
        shift_to_now=shift_to_now,
        stop=stop,
        progress=lambda reports: progress(how_far(reports)),
    )
    return {row.pop("path"): row for row in (asdict(r) for r in reports)}


def how_far(reports: Sequence[InputReport]) -> str:
    """Return how far a replay has come, such as `file 3 of 505, 12,000 records`."""
    at = max((number for number, each in enumerate(reports, 1) if each.read), default=0)
    read = sum(each.read for each in reports)
    return f"file {at:,} of {len(reports):,}, {read:,} records"


def produce_lines(
    settings: Settings,
    topics: Catalog,
    topic: str,
    lines: Iterable[str],
    source: str,
    *,
    key_file: Path | None = None,
    first_number: int | None = None,
) -> tuple[int, list[str]]:
    """Produce one event per JSON line.

    Args:
        settings: The stack.
        topics: Its catalogue.
        topic: Where the events go.
        lines: The events without their envelopes.
        source: The `source` of the events.
        key_file: Signs each event; None: nothing is signed.
        first_number: First sequence number of each subject; None: events are not numbered.

    Returns:
        How many events were produced, and one line for each that was refused.

    Raises:
        SettingsError: The catalogue has no such topic.
    """
    from streams.produce.json_lines import produce_lines as produce
    from streams.produce.kafka import Producer
    from streams.signing.signer import Signer

    if topic not in topics.topics:
        near = did_you_mean(topic, topics.topics)
        raise SettingsError(
            f"topic {topic[:100]!a}: the catalogue has no such topic{near} (see `city schemas list`)"
        )
    signer = None if key_file is None else Signer.load(key_file)
    with Producer(streams_config(settings), topics, signer=signer) as producer:
        return produce(producer, topic, lines, source, first_number)


def declare_epoch(settings: Settings, topics: Catalog, topic: str, *, sound: bool = False) -> list[str]:
    """Declare a new epoch of a topic's logs and return the new origins.

    Args:
        settings: The stack, which is stopped.
        topics: Its catalogue.
        topic: The topic.
        sound: Whether logs may end that could go on.

    Raises:
        SettingsError: All logs of the topic could go on, and `sound` is not set.
    """
    from ledger_sink.log.epochs import new_epoch, partitions_of, sound_logs
    from ledger_sink.store import FileStore

    config = ledger_config(settings, topics)
    whole = sound_logs(config, topic)
    if whole and not sound and len(whole) == len(partitions_of(FileStore(config.ledger), topic)):
        raise SettingsError(
            f"nothing keeps {whole[0]} from going on{_others(len(whole) - 1)}, and an epoch that has ended stays so: "
            f"nothing was changed; to end it nonetheless: city keys new-epoch {topic} --sound --data {settings.data}"
        )
    return new_epoch(config, topic)


def _others(count: int) -> str:
    return f" (and {count} more of its logs)" if count else ""
