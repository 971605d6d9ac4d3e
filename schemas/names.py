"""Derived names, each spelled here and nowhere else.

A domain and an event are written with underscores in Python and SQL (`air_quality`) and with hyphens in
Kafka and Grafana (`air-quality`); a topic is `<domain>.<event>`. Everything else is derived from these two
words. The catalogue refuses words for which two derived names would collide.
"""

import re

DATABASE = "city"
ARCHIVE_TABLE = "records"
DICTIONARY_TABLE = "dictionary"
DEAD_LETTER = "dead-letter"
_DOMAIN = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TOPIC_LENGTH = 249  # Kafka's limit


def is_domain_name(text: str) -> bool:
    """Whether a text can name a domain: lower case, digits, single underscores."""
    return _DOMAIN.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether a text can name an event or a role: lower case, digits, single hyphens."""
    return _WORD.fullmatch(text) is not None


def is_topic_name(text: str) -> bool:
    """Whether Kafka takes a text as a topic's name, as far as its length goes."""
    return len(text) <= _TOPIC_LENGTH


def _hyphens(word: str) -> str:
    """Spell a word as Kafka and Grafana do."""
    return word.replace("_", "-")


def _underscores(word: str) -> str:
    """Spell a word as Python and SQL do."""
    return word.replace("-", "_").replace(".", "_")


def topic_name(domain: str, event: str) -> str:
    """Name the topic of an event: `air_quality`, `reading` → `air-quality.reading`."""
    return f"{_hyphens(domain)}.{_hyphens(event)}"


def dead_letter_topic(domain: str) -> str:
    """Name the topic of a domain's dead letters: `air_quality` → `air-quality.dead-letter`."""
    return topic_name(domain, DEAD_LETTER)


def table_name(topic: str) -> str:
    """Name the typed table of a topic: `air-quality.reading` → `air_quality_reading`."""
    return _underscores(topic)


def subject_name(topic: str) -> str:
    """Name the registry subject of a topic's values: `air-quality.reading` → `air-quality.reading-value`."""
    return f"{topic}-value"


def schema_file(event: str, version: int) -> str:
    """Name the Avro file of one version of an event: `category-change`, 1 → `category-change.v1.avsc`."""
    return f"{_hyphens(event)}.v{version}.avsc"


def record_namespace(domain: str) -> str:
    """Name the Avro namespace of a domain's records: `air_quality` → `city.air_quality`."""
    return f"{DATABASE}.{_underscores(domain)}"


def group_name(role: str) -> str:
    """Name the consumer group of a part of the platform: `agents` → `city-agents`."""
    return f"city-{_hyphens(role)}"


AGENTS_GROUP = group_name("agents")
CLICKHOUSE_SINK_GROUP = group_name("sink-clickhouse")
LEDGER_SINK_GROUP = group_name("sink-ledger")
AUDIT_GROUP = group_name("audit")
PROVE_GROUP = group_name("prove")
COUNT_GROUP = group_name("count")


def own_group_prefix(user: str) -> str:
    """Name what a subscriber's consumer groups begin with: `insurer-a` → `insurer-a.`."""
    return f"{user}."


def board_uid(name: str) -> str:
    """Name the uid of a dashboard: `air_quality` → `city-air-quality`."""
    return f"city-{_hyphens(name)}"
