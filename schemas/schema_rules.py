"""Checks schemas and the catalogue as a whole; each violation is a line with the file. Pure.

`toml_rules` has checked the folders before. Here the rules concern docs, units, keys, personal fields, columns,
examples, and the compatibility of versions.
"""

from collections.abc import Iterator, Mapping

from schemas import names
from schemas.avro import MISSING, NULL, Array, AvroError, Map, Primitive, Record, Type, Union
from schemas.avro.writer import MismatchError, writer
from schemas.columns import columns
from schemas.compatibility import check_all
from schemas.errors import EventError
from schemas.examples import clear_tree, from_plain
from schemas.folder import Folder
from schemas.model import Domain, Schema, Topic
from schemas.toml_rules import SHARED, duplicates

_NUMBERS = ("int", "long", "float", "double", "decimal")
_RESERVED = (names.ARCHIVE_TABLE, names.DICTIONARY_TABLE)


def domain_problems(domain: Domain, folder: Folder) -> Iterator[str]:
    """Yield the problems of every topic that has schemas in this domain's folder.

    Args:
        domain: The assembled domain.
        folder: Its folder, for the names of files.
    """
    for topic in domain.topics:
        if "schema_ids" not in folder.toml["topics"][topic.event]:
            continue
        found = [
            f"{folder.where(names.schema_file(topic.event, schema.version))}: {problem}"
            for schema in topic.schemas
            for problem in _schema_problems(topic, schema, domain)
        ]
        yield from found or _version_problems(topic, folder)


def catalog_problems(domains: Mapping[str, Domain]) -> Iterator[str]:
    """Yield the problems between domains: names and ids that two of them use.

    Args:
        domains: The assembled domains by name.
    """
    topics = [topic for domain in domains.values() for topic in domain.topics]
    own = [topic for topic in topics if topic.kind != names.DEAD_LETTER or topic.domain == SHARED]
    yield from duplicates(
        [(schema.id, _entry(topic)) for topic in own for schema in topic.schemas], "schema id"
    )
    yield from duplicates([(topic.table, _entry(topic)) for topic in topics], "table")
    for topic in topics:
        if topic.table in _RESERVED:
            yield f"{_entry(topic)}: table {topic.table} is the platform's own"
        ids = [schema.id for schema in topic.schemas]
        if len(set(ids)) != len(ids):
            yield f"{_entry(topic)}: schema_ids: an id stands twice in {ids}"


def _entry(topic: Topic) -> str:
    """Return the name of a topic's entry in its domain.toml."""
    return f"{topic.domain}/domain.toml: topics.{topic.event}"


def _version_problems(topic: Topic, folder: Folder) -> Iterator[str]:
    """Yield the problems of a topic's versions together, of their examples and of the columns."""
    file = folder.where(names.schema_file(topic.event, topic.schema.version))
    yield from (f"{file}: {each}" for each in check_all(topic.schemas))
    for schema in topic.schemas:
        for path, plain in folder.examples[topic.event, schema.version]:
            try:
                tree = clear_tree(schema)
                writer(tree)(bytearray(), from_plain(tree, plain))
            except MismatchError as error:
                yield f"{folder.where(path)}: {error.path or 'event'}: {error.reason}"
            except EventError as error:
                yield f"{folder.where(path)}: {error}"
    try:
        listed = [column.name for column in columns(topic)]
        yield from (f"{file}: column {each} would stand twice" for each in sorted(set(_twice(listed))))
    except AvroError as error:
        yield f"{file}: {error}"


def _twice(listed: list[str]) -> Iterator[str]:
    """Yield the items that a list holds more than once."""
    return (each for each in listed if listed.count(each) > 1)


def _schema_problems(topic: Topic, schema: Schema, domain: Domain) -> Iterator[str]:
    """Yield the problems of one version."""
    try:
        record = schema.tree
    except AvroError as error:
        yield str(error)
        return
    space = names.record_namespace(domain.name)
    if record.name.rpartition(".")[0] != space:
        yield f"namespace: expected {space}, got {record.name.rpartition('.')[0] or 'none'}"
    for field in record.fields:
        if field.name.startswith("_"):
            yield f"{field.name}: a leading underscore is the platform's"
        if field.personal and domain.sensitivity != "personal":
            yield f"{field.name}: is personal, but the domain's sensitivity is {domain.sensitivity}"
        if field.personal and field.default is not None and field.default is not MISSING:
            yield f"{field.name}: a personal field has no default but null"
    yield from _doc_problems(record, "")
    yield from _key_problems(topic, record)
    yield from _subject_problems(topic, record, domain)
    try:
        writer(record)
    except MismatchError as error:
        yield f"{error.path}: {error.reason}"


def _key_problems(topic: Topic, record: Record) -> Iterator[str]:
    """Check that the key is a string, never null and never encrypted: it is the record's key, in clear."""
    field = next((each for each in record.fields if each.name == topic.key), None)
    if field is None:
        yield f"key: there is no field {topic.key}"
    elif field.personal:
        yield f"key: {topic.key} is personal; key by a pseudonym"
    elif not isinstance(field.type, Primitive) or field.type.name != "string":
        yield f"key: {topic.key} has to be a string that is never null"


def _subject_problems(topic: Topic, record: Record, domain: Domain) -> Iterator[str]:
    """Check that a string in clear names the subject of personal values: a pseudonym, or null."""
    if topic.pseudonym and domain.sensitivity != "personal":
        yield f"pseudonym: is for persons, but the domain's sensitivity is {domain.sensitivity}"
    if topic.subject == topic.key:
        return
    field = next((each for each in record.fields if each.name == topic.subject), None)
    if field is None:
        yield f"subject: there is no field {topic.subject}"
        return
    kind = field.type.non_null if isinstance(field.type, Union) else field.type
    if field.personal or not isinstance(kind, Primitive) or kind.name != "string":
        yield f"subject: {topic.subject} has to be a string in clear, or null where there is no personal value"


def _doc_problems(kind: Type, where: str) -> Iterator[str]:
    """Check that every record and field has a doc, and every number a unit."""
    if isinstance(kind, Record):
        if not kind.doc.strip():
            yield f"{where or 'record'}: has no doc"
        for field in kind.fields:
            place = f"{where}.{field.name}" if where else field.name
            if not isinstance(field.doc, str) or not field.doc.strip():
                yield f"{place}: has no doc"
            if not field.unit and _is_number(field.clear_type or field.type):
                yield f"{place}: is a number without unit (1 for a bare count)"
            if where and field.personal:
                yield f"{place}: only fields of the event itself can be personal"
            yield from _doc_problems(field.type, place)
    for inner in _inner(kind):
        yield from _doc_problems(inner, where)


def _inner(kind: Type) -> tuple[Type, ...]:
    """Return the types directly inside a list, map or union."""
    match kind:
        case Array(inner) | Map(inner):
            return (inner,)
        case Union(branches):
            return tuple(each for each in branches if each != NULL)
    return ()


def _is_number(kind: Type) -> bool:
    """Return whether a type holds numbers, at any depth outside of records."""
    if isinstance(kind, Primitive):
        return (kind.logical or kind.name) in _NUMBERS
    return any(_is_number(each) for each in _inner(kind))
