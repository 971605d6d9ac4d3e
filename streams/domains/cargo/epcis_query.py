"""A query of EPCIS 2.0: a question, not an event. Its parameters are judged; it becomes no event. Pure."""

import re
from collections.abc import Mapping

from streams.domains.cargo.epcis_rules import KINDS
from streams.domains.cargo.epcis_words import ACTIONS, BIZ_STEP, DISPOSITION, is_uri
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import BrokenRule, shown
from streams.domains.cargo.word_list import listed

RULE = "epcis-query@1"
_TIMES = re.compile(
    r"(GE|LT)_(eventTime|recordTime|errorDeclarationTime|startTime|endTime|time)|(GE|LT|EQ)_ERROR_DECLARATION_TIME"
)
_NUMBERS = re.compile(
    r"(EQ|GT|GE|LT|LE)_(quantity|value|minValue|maxValue|meanValue|sDev|percRank|percValue)(_.+)?"
)
_LISTS = re.compile(
    r"""
    MATCH_(epc|parentID|inputEPC|outputEPC|anyEPC|epcClass|inputEPCClass|outputEPCClass|anyEPCClass)(Class)?
    |EQ_(eventID|action|bizStep|disposition|persistentDisposition_(set|unset)|readPoint|bizLocation
        |transformationID|correctiveEventID|errorReason|dataProcessingMethod|deviceID|deviceMetadata|rawData
        |microorganism|chemicalSubstance|bizRules|type|component|coordinateReferenceSystem|stringValue
        |hexBinaryValue|uriValue|booleanValue|bizTransaction_.+|source_.+|destination_.+)
    |WD_(readPoint|bizLocation)|HASATTR_.+|EQATTR_.+|EXISTS_.+
    """,
    re.VERBOSE,
)
_EXTENSION = re.compile(r"(EQ|GT|GE|LT|LE|EXISTS|EQ_INNER|EXISTS_INNER|EQ_ILMD|EXISTS_ILMD)_.*[:#].+")
_FIXED = listed(
    "@context queryName eventType orderBy orderDirection eventCountLimit maxEventCount perPage nextPageToken"
)


def check(parameters: Mapping[str, object]) -> None:
    """Judge the parameters of a simple event query.

    Raises:
        BrokenRule: A parameter that the standard does not know, or a value that it does not allow.
    """
    for name, value in parameters.items():
        _check(name, value)


def _check(name: str, value: object) -> None:
    if name in _FIXED:
        _check_fixed(name, value)
    elif _TIMES.fullmatch(name):
        try:
            micros(value)
        except ValueError as error:
            raise BrokenRule(RULE, f"{name}: {error}") from None
    elif _NUMBERS.fullmatch(name):
        _ask(not isinstance(value, bool) and isinstance(value, int | float), name, "a number", value)
    elif _LISTS.fullmatch(name):
        _check_list(name, value)
    elif not _EXTENSION.fullmatch(name):
        raise BrokenRule(RULE, f"{name}: is no parameter of a simple event query")


def _check_fixed(name: str, value: object) -> None:
    if name == "eventType":
        kinds = value if isinstance(value, list) else [value]
        good = all(each in KINDS or is_uri(each) for each in kinds)
        _ask(good, name, "types of events", value)
    elif name == "orderDirection":
        _ask(value in ("ASC", "DESC"), name, "ASC or DESC", value)
    elif name in ("eventCountLimit", "maxEventCount", "perPage"):
        _ask(type(value) is int and value > 0, name, "a whole number above 0", value)


def _check_list(name: str, value: object) -> None:
    texts = value if isinstance(value, list) else [value]
    _ask(all(isinstance(each, str | bool) for each in texts), name, "a list of texts", value)
    for each in texts:
        if name == "EQ_action":
            _ask(each in ACTIONS, name, "ADD, OBSERVE or DELETE", each)
        elif name == "EQ_bizStep":
            BIZ_STEP.word(each)
        elif name == "EQ_disposition":
            DISPOSITION.word(each)


def _ask(good: bool, name: str, expected: str, value: object) -> None:
    if not good:
        raise BrokenRule(RULE, f"{name}: expected {expected}, got {shown(value)}")
