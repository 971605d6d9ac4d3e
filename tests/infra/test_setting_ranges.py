"""Each setting has a range, a misspelt name has its nearest one, and a port belongs to one part."""

from __future__ import annotations

from dataclasses import fields

import pytest

from infra.errors import SettingsError
from infra.setting_ranges import CHOICES, NUMBERS, TEXTS
from infra.settings import Settings, from_environment, parse_ports, settle_ports, unread_variables


def test_every_number_has_a_range_that_holds_its_default() -> None:
    """A new number without a range fails here."""
    numbers = {f.name: getattr(Settings(), f.name) for f in fields(Settings)}
    numbers = {name: value for name, value in numbers.items() if isinstance(value, int | float)}
    assert numbers.keys() == NUMBERS.keys()
    assert all(NUMBERS[name][0] <= value <= NUMBERS[name][1] for name, value in numbers.items())


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["-1", "1e30", "nan", "inf", "", "x", "99999999999999"])
def test_a_number_out_of_range_is_one_line_with_its_variable(name: str, text: str) -> None:
    """Also where Python would take it for a number."""
    with pytest.raises(SettingsError, match=rf"^CITY_{name.upper()}=.*expected") as found:
        from_environment({f"CITY_{name.upper()}": text})
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", [*CHOICES, *TEXTS])
@pytest.mark.parametrize("text", ["a b", "://", "host:0", "ftp://x:1", "http://", "host:port"])
def test_a_text_of_another_form_is_refused(name: str, text: str) -> None:
    """Addresses, URLs, names, choices."""
    with pytest.raises(SettingsError, match=rf"^CITY_{name.upper()}=.*expected"):
        from_environment({f"CITY_{name.upper()}": text})


def test_a_variable_that_nothing_reads_is_told_with_the_nearest_name() -> None:
    """A misspelt setting is not silently ignored; those of children, images and roles are known."""
    (line,) = unread_variables(
        {"CITY_WORKRES": "1", "PATH": "", "CITY_PROCESS": "x", "CITY_COMMAND_KAFKA": "x"}
    )
    assert line.startswith("CITY_WORKRES: ")
    assert line.endswith("did you mean CITY_WORKERS?")


def test_a_port_named_twice_is_told_in_words() -> None:
    """Not as a dictionary."""
    with pytest.raises(SettingsError, match="kafka is named twice"):
        parse_ports("kafka=29092,kafka=29093")
    with pytest.raises(SettingsError, match="kafka and web both have port 29092"):
        settle_ports({"kafka": 29092, "web": 29092})
    with pytest.raises(SettingsError, match="did you mean kafka"):
        parse_ports("kafak=1")
