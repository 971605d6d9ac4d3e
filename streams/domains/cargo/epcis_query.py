"""Rules for the parameters of an EPCIS 2.0 simple event query. A query becomes no event. Pure."""

import re
from collections.abc import Mapping

from streams.domains.cargo.epcis_rules import KINDS
from streams.domains.cargo.epcis_words import ACTIONS, BIZ_STEP, DISPOSITION, is_uri
from streams.domains.cargo.instants import micros
from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

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
_FIXED = word_list(
    "@context queryName eventType orderBy orderDirection eventCountLimit maxEventCount perPage nextPageToken"
)


def check(parameters: Mapping[str, object]) -> None:
    """Check the parameters of a simple event query; rule epcis-query.

    Args:
        parameters: Values by parameter name.

    Raises:
        RuleViolation: The standard does not know a parameter, or does not allow its value.
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
            raise RuleViolation(RULE, f"{name}: {error}") from None
    elif _NUMBERS.fullmatch(name):
        _expect(not isinstance(value, bool) and isinstance(value, int | float), name, "a number", value)
    elif _LISTS.fullmatch(name):
        _check_list(name, value)
    elif not _EXTENSION.fullmatch(name):
        raise RuleViolation(RULE, f"{name}: is no parameter of a simple event query")


def _check_fixed(name: str, value: object) -> None:
    if name == "eventType":
        kinds = value if isinstance(value, list) else [value]
        good = all(each in KINDS or is_uri(each) for each in kinds)
        _expect(good, name, "types of events", value)
    elif name == "orderDirection":
        _expect(value in ("ASC", "DESC"), name, "ASC or DESC", value)
    elif name in ("eventCountLimit", "maxEventCount", "perPage"):
        _expect(type(value) is int and value > 0, name, "a whole number above 0", value)


def _check_list(name: str, value: object) -> None:
    texts = value if isinstance(value, list) else [value]
    _expect(all(isinstance(each, str | bool) for each in texts), name, "a list of texts", value)
    for each in texts:
        if name == "EQ_action":
            _expect(each in ACTIONS, name, "ADD, OBSERVE or DELETE", each)
        elif name == "EQ_bizStep":
            BIZ_STEP.word(each)
        elif name == "EQ_disposition":
            DISPOSITION.word(each)


def _expect(good: bool, name: str, expected: str, value: object) -> None:
    if not good:
        raise RuleViolation(RULE, f"{name}: expected {expected}, got {short_repr(value)}")
