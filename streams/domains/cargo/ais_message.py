"""One decoded AIS message → `cargo.vessel-position` or `cargo.vessel-message`. Pure.

pyais decodes the payload (ITU-R M.1371). `ais_values` makes values that mean "not available" null.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyais

from schemas.names import topic_name
from streams.domains.cargo import ais_values
from streams.domains.cargo.mmsi import mmsi_problem, station_of
from streams.domains.cargo.rule_violation import RuleViolation

POSITION = topic_name("cargo", "vessel-position")
MESSAGE = topic_name("cargo", "vessel-message")

POSITION_TYPES = frozenset({1, 2, 3, 4, 9, 11, 18, 19, 21, 27})
"""Message types that have fields for the transmitter's position."""

CLASS_A, CLASS_B = frozenset({1, 2, 3, 5}), frozenset({18, 19, 24})
LONG_RANGE, AIRCRAFT = 27, 9
LAST_TYPE = 28

_SPEED_UNAVAILABLE = {LONG_RANGE: 63.0, AIRCRAFT: 1023.0}
_COURSE_UNAVAILABLE = {LONG_RANGE: 511.0}
_TURN_UNKNOWN = (127.0, 128.0)
"""Codes without a turn indicator. No measured rate has these values: codes 53 and 54 are 125 and 130 °/min."""


def decode(sentences: Sequence[bytes]) -> Mapping[str, Any]:
    """Decode the sentences of one message.

    Args:
        sentences: All sentences of the group in order, without tag blocks.

    Returns:
        Values by pyais' names. A value that the payload is too short for is missing.

    Raises:
        RuleViolation: The payload is no message of ITU-R M.1371.
    """
    try:
        found = pyais.decode(*sentences).asdict()
    except Exception as error:  # noqa: BLE001 - the library raises many types on wild bytes; all concern this message
        reason = f"not a message of ITU-R M.1371: {type(error).__name__}: {error}"
        raise RuleViolation("ais-payload@1", reason[:300]) from None
    present = {
        name: value for name, value in found.items() if value is not None
    }  # a short payload lacks fields
    if "mmsi" not in present or not 1 <= int(present["msg_type"]) <= LAST_TYPE:
        raise RuleViolation("ais-payload@1", f"expected a sender and a message type of 1 to {LAST_TYPE}")
    return present


def fields_of(message: Mapping[str, Any], channel: str | None) -> tuple[str, dict[str, Any]]:
    """Return the topic and fields of a message's event.

    Args:
        message: Values of `decode`.
        channel: AIS channel of the group (`A`, `B`), or None.

    Returns:
        `cargo.vessel-position` or `cargo.vessel-message`, and the event's fields with `flags`.
    """
    kind, mmsi = int(message["msg_type"]), f"{int(message['mmsi']):09d}"
    number = ais_values.ship_number(f"{int(message.get('imo') or 0):07d}")
    found: dict[str, Any] = {
        "mmsi": mmsi,
        "message_type": kind,
        "channel": channel,
        "imo": number.imo,
        "official_number": number.official_number,
        **_particulars(message),
    }
    flags = [mmsi_problem(mmsi), number.flag]
    if kind in POSITION_TYPES:
        values, more = _position(message, kind)
        found |= values | {"station": station_of(mmsi, kind)}
        flags += more
        topic = POSITION
    else:
        found |= _content(message)
        topic = MESSAGE
    found["flags"] = [each for each in flags if each]
    return topic, found


def _position(message: Mapping[str, Any], kind: int) -> tuple[dict[str, Any], list[str | None]]:
    latitude, longitude, flag = ais_values.position(message.get("lat"), message.get("lon"))
    sog, sog_flag = ais_values.speed(message.get("speed"), _SPEED_UNAVAILABLE.get(kind, ais_values.NO_SPEED))
    cog, cog_flag = ais_values.course(
        message.get("course"), _COURSE_UNAVAILABLE.get(kind, ais_values.NO_COURSE)
    )
    heading, heading_flag = ais_values.heading(message.get("heading"))
    turn, status, altitude = message.get("turn"), message.get("status"), message.get("alt")
    return {
        "transceiver_class": "A" if kind in CLASS_A else "B" if kind in CLASS_B else None,
        "latitude": latitude,
        "longitude": longitude,
        "sog": sog,
        "cog": cog,
        "heading": heading,
        "rate_of_turn": None if turn is None or abs(float(turn)) in _TURN_UNKNOWN else float(turn),
        "nav_status": None if status is None else int(status),
        "accurate": None if message.get("accuracy") is None else bool(message["accuracy"]),
        "altitude": None if altitude is None or not 0 <= int(altitude) < 4095 else int(altitude),
    }, [flag, sog_flag, cog_flag, heading_flag]


def _particulars(message: Mapping[str, Any]) -> dict[str, Any]:
    kind, draught = message.get("ship_type"), message.get("draught")
    return {
        "name": _text(message.get("shipname", message.get("name"))),
        "call_sign": _text(message.get("callsign")),
        "ship_type": None if kind is None else ais_values.particular(int(kind)),
        "length": _dimension(message, "to_bow", "to_stern"),
        "width": _dimension(message, "to_port", "to_starboard"),
        "draught": None if draught is None else ais_values.particular(float(draught)),
    }


def _content(message: Mapping[str, Any]) -> dict[str, Any]:
    data = message.get("data")
    addressee = message.get("dest_mmsi")
    return {
        "destination": _text(message.get("destination")),
        "eta": _eta(message),
        "text": _text(message.get("text")),
        "binary": data.hex() if isinstance(data, bytes) and data else None,
        "dest_mmsi": f"{int(addressee):09d}" if addressee else None,
    }


def _eta(message: Mapping[str, Any]) -> str | None:
    if int(message["msg_type"]) != 5 or not message.get("month") or not message.get("day"):
        return None
    month, day, hour, minute = (int(message.get(name) or 0) for name in ("month", "day", "hour", "minute"))
    return (
        f"{month:02d}-{day:02d}T{hour:02d}:{minute:02d}Z"
        if hour < 24 and minute < 60
        else f"{month:02d}-{day:02d}"
    )


def _dimension(message: Mapping[str, Any], one: str, other: str) -> float | None:
    total = int(message.get(one) or 0) + int(message.get(other) or 0)
    return ais_values.particular(float(total))


def _text(value: Any) -> str | None:
    text = str(value).split("@", 1)[0].strip() if value is not None else ""
    return text or None
