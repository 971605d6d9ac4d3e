"""The rules that finished topics and the finished catalogue keep; each broken one is a line with the file.

Pure. `rules` has judged the folders before; here it is the schemas themselves: docs, units, keys, personal
fields, columns, examples, and whether each version may follow those before it.
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
    """Judge every topic that has schemas of its own in this domain's folder."""
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
    """Judge what only shows when all domains stand together: names and ids that two of them use."""
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
    """Name a topic's entry in its domain.toml."""
    return f"{topic.domain}/domain.toml: topics.{topic.event}"


def _version_problems(topic: Topic, folder: Folder) -> Iterator[str]:
    """Judge a topic's versions together, and their examples."""
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
    """Yield what a list holds more than once."""
    return (each for each in listed if listed.count(each) > 1)


def _schema_problems(topic: Topic, schema: Schema, domain: Domain) -> Iterator[str]:
    """Judge one version."""
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
    yield from _word_problems(record, "")
    yield from _key_problems(topic, record)
    yield from _subject_problems(topic, record, domain)
    try:
        writer(record)
    except MismatchError as error:
        yield f"{error.path}: {error.reason}"


def _key_problems(topic: Topic, record: Record) -> Iterator[str]:
    """The key is a text that is always there and never encrypted: it is in every record's key, in clear."""
    field = next((each for each in record.fields if each.name == topic.key), None)
    if field is None:
        yield f"key: there is no field {topic.key}"
    elif field.personal:
        yield f"key: {topic.key} is personal; key by a pseudonym"
    elif not isinstance(field.type, Primitive) or field.type.name != "string":
        yield f"key: {topic.key} has to be a string that is never null"


def _subject_problems(topic: Topic, record: Record, domain: Domain) -> Iterator[str]:
    """Whoever personal values are about is named by a text in clear: their pseudonym, or nobody."""
    if topic.pseudonym and domain.sensitivity != "personal":
        yield f"pseudonym: is for persons, but the domain's sensitivity is {domain.sensitivity}"
    if topic.subject == topic.key:
        return
    field = next((each for each in record.fields if each.name == topic.subject), None)
    if field is None:
        yield f"subject: there is no field {topic.subject}"
        return
    kind = field.type.clear if isinstance(field.type, Union) else field.type
    if field.personal or not isinstance(kind, Primitive) or kind.name != "string":
        yield f"subject: {topic.subject} has to be a string in clear, or null where there is no personal value"


def _word_problems(kind: Type, where: str) -> Iterator[str]:
    """Every record and field says what it is, and every number in which unit."""
    if isinstance(kind, Record):
        if not kind.doc.strip():
            yield f"{where or 'record'}: has no doc"
        for field in kind.fields:
            place = f"{where}.{field.name}" if where else field.name
            if not isinstance(field.doc, str) or not field.doc.strip():
                yield f"{place}: has no doc"
            if not field.unit and _is_number(field.clear or field.type):
                yield f"{place}: is a number without unit (1 for a bare count)"
            if where and field.personal:
                yield f"{place}: only fields of the event itself can be personal"
            yield from _word_problems(field.type, place)
    for inner in _inner(kind):
        yield from _word_problems(inner, where)


def _inner(kind: Type) -> tuple[Type, ...]:
    """List the types directly inside a list, map or union."""
    match kind:
        case Array(inner) | Map(inner):
            return (inner,)
        case Union(branches):
            return tuple(each for each in branches if each != NULL)
    return ()


def _is_number(kind: Type) -> bool:
    """Whether a type holds bare numbers, at whatever depth outside of records."""
    if isinstance(kind, Primitive):
        return (kind.logical or kind.name) in _NUMBERS
    return any(_is_number(each) for each in _inner(kind))
