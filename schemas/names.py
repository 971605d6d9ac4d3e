"""Derives all names from a domain and an event; no other module spells them.

Python and SQL have underscores (`air_quality`), Kafka and Grafana have hyphens (`air-quality`). A topic is
`<domain>.<event>`. The catalogue refuses names whose derived names would collide.
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
    """Return whether a text can name a domain: lower case, digits, single underscores."""
    return _DOMAIN.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Return whether a text can name an event or a role: lower case, digits, single hyphens."""
    return _WORD.fullmatch(text) is not None


def is_topic_name(text: str) -> bool:
    """Return whether a topic's name has at most the length that Kafka allows."""
    return len(text) <= _TOPIC_LENGTH


def _hyphens(word: str) -> str:
    """Return a word in the spelling of Kafka and Grafana."""
    return word.replace("_", "-")


def _underscores(word: str) -> str:
    """Return a word in the spelling of Python and SQL."""
    return word.replace("-", "_").replace(".", "_")


def topic_name(domain: str, event: str) -> str:
    """Return the topic of an event: `air_quality`, `reading` → `air-quality.reading`."""
    return f"{_hyphens(domain)}.{_hyphens(event)}"


def dead_letter_topic(domain: str) -> str:
    """Return the topic of a domain's dead letters: `air_quality` → `air-quality.dead-letter`."""
    return topic_name(domain, DEAD_LETTER)


def table_name(topic: str) -> str:
    """Return the typed table of a topic: `air-quality.reading` → `air_quality_reading`."""
    return _underscores(topic)


def subject_name(topic: str) -> str:
    """Return the registry subject of a topic's values: `air-quality.reading` → `air-quality.reading-value`."""
    return f"{topic}-value"


def schema_file(event: str, version: int) -> str:
    """Return the Avro file of one version of an event: `category-change`, 1 → `category-change.v1.avsc`."""
    return f"{_hyphens(event)}.v{version}.avsc"


def record_namespace(domain: str) -> str:
    """Return the Avro namespace of a domain's records: `air_quality` → `city.air_quality`."""
    return f"{DATABASE}.{_underscores(domain)}"


def group_name(role: str) -> str:
    """Return the consumer group of a part of the platform: `agents` → `city-agents`."""
    return f"city-{_hyphens(role)}"


AGENTS_GROUP = group_name("agents")
CLICKHOUSE_SINK_GROUP = group_name("sink-clickhouse")
LEDGER_SINK_GROUP = group_name("sink-ledger")
AUDIT_GROUP = group_name("audit")
PROVE_GROUP = group_name("prove")
COUNT_GROUP = group_name("count")


def own_group_prefix(user: str) -> str:
    """Return the prefix of a subscriber's consumer groups: `insurer-a` → `insurer-a.`."""
    return f"{user}."


def board_uid(name: str) -> str:
    """Return the uid of a dashboard: `air_quality` → `city-air-quality`."""
    return f"city-{_hyphens(name)}"
