"""Settings: read once from options and environment, handed to children unchanged, ports settled or refused."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.errors import DataDirectoryError, PortInUseError, SettingsError
from infra.layer_configs import streams_config
from infra.ports import free_port
from infra.settings import (
    Ports,
    Secret,
    Settings,
    Switch,
    command_for,
    from_environment,
    own_secret,
    parse_ports,
    recall,
    remember,
    settle_ports,
)
from streams.config import StreamsConfig
from tests.harness.engine import with_credentials

if TYPE_CHECKING:
    from pathlib import Path


def test_children_get_the_same_settings(tmp_path: Path) -> None:
    """What `environment` writes, `from_environment` reads back."""
    settings = replace(
        Settings(),
        data=tmp_path,
        workers=3,
        ports=Ports(kafka=1234),
        checkpoint_interval_s=0.5,
        city="a.example",
    )
    assert from_environment(settings.environment()) == settings


def test_commands_find_the_running_stack(tmp_path: Path) -> None:
    """What `remember` keeps, `recall` returns, and nobody else may read it."""
    settings = replace(Settings(), data=tmp_path, clickhouse="http://u:p@127.0.0.1:1")
    remember(settings)
    assert recall(tmp_path) == settings
    assert (tmp_path / "run" / "settings.json").stat().st_mode & 0o077 == 0


def test_a_directory_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    """The error names the directory and the command."""
    with pytest.raises(DataDirectoryError, match="city up"):
        recall(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["kafka=0", "kafka=99999", "kafka=x", "moon=1"])
def test_ports_that_are_none_are_refused(text: str) -> None:
    """The part that is wrong is in the message."""
    with pytest.raises(SettingsError, match=text.split("=", maxsplit=1)[0]):
        parse_ports(text)


def test_a_named_port_in_use_is_refused_and_a_companion_moves() -> None:
    """kafka, clickhouse, web and whatever was named must be free; the others take a free port instead."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"{port}.*--ports web="):
            settle_ports({"kafka": free_port(), "clickhouse": free_port(), "web": port})
        with pytest.raises(PortInUseError, match="signer"):
            settle_ports(
                {"kafka": free_port(), "clickhouse": free_port(), "web": free_port(), "signer": port}
            )
    ports = settle_ports({"kafka": free_port(), "clickhouse": free_port(), "web": free_port()})
    assert len({getattr(ports, name) for name in Ports.names()}) == len(Ports.names())


def test_named_ports_side_by_side_leave_the_companions_elsewhere() -> None:
    """Three neighbouring numbers are fine: nothing is derived from them by counting on."""
    first = free_port()
    named = {"kafka": first, "clickhouse": free_port([first]), "web": free_port([first])}
    ports = settle_ports(named)
    assert (ports.kafka, ports.clickhouse, ports.web) == tuple(named.values())


def test_a_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    """The same secret each time, 0600, and it does not print."""
    path = tmp_path / "keys" / "k"
    secret = own_secret(path)
    assert own_secret(path) == secret
    assert len(secret) >= 24
    assert path.stat().st_mode & 0o077 == 0
    assert str(secret) not in repr(secret)
    assert isinstance(secret, Secret)


def test_credentials_survive_the_way_through_a_url() -> None:
    """User and password with special characters come back as they were."""
    url = with_credentials("http://h:1/", "us er", "p:w/@")
    settings = replace(Settings(), clickhouse=url)
    assert (settings.clickhouse_user, str(settings.clickhouse_password)) == ("us er", "p:w/@")
    assert settings.clickhouse_url == "http://h:1"


def test_the_ahead_of_time_cache_is_switched_by_a_variable() -> None:
    """On by default; off for children too; anything else is refused with what can be said."""
    assert from_environment({}).aot_cache is Switch.ON
    off = from_environment({"CITY_AOT_CACHE": "off"})
    assert off.aot_cache is Switch.OFF
    assert from_environment(off.environment()) == off
    with pytest.raises(SettingsError, match=r"CITY_AOT_CACHE='maybe': expected on or off"):
        from_environment({"CITY_AOT_CACHE": "maybe"})


def test_a_variable_that_is_no_number_is_named() -> None:
    """The error tells the variable and what it expected."""
    with pytest.raises(SettingsError, match=r"CITY_WORKERS.*int"):
        from_environment({"CITY_WORKERS": "many"})


def test_agents_have_the_refusal_limit_of_the_settings() -> None:
    """`CITY_RULE_REFUSAL_…` reaches the workers; without them the layer's own defaults hold."""
    default, own = streams_config(Settings()), StreamsConfig()
    assert (default.refusal_limit, default.refusal_share, default.refusal_window) == (
        own.refusal_limit,
        own.refusal_share,
        own.refusal_window,
    )
    settings = from_environment(
        {"CITY_RULE_REFUSAL_LIMIT": "7", "CITY_RULE_REFUSAL_SHARE": "0.25", "CITY_RULE_REFUSAL_WINDOW": "70"}
    )
    config = streams_config(settings)
    assert (config.refusal_limit, config.refusal_share, config.refusal_window) == (7, 0.25, 70)


@pytest.mark.parametrize(
    "changes",
    [{"SHARE": "nan"}, {"SHARE": "2"}, {"SHARE": "0"}, {"LIMIT": "0"}, {"LIMIT": "70", "WINDOW": "69"}],
)
def test_a_refusal_limit_out_of_range_is_one_line_with_the_variables(changes: dict[str, str]) -> None:
    """It is a mistake of the operator, found where settings are read and not in each worker."""
    with pytest.raises(
        SettingsError,
        match=r"^CITY_RULE_REFUSAL_(LIMIT, _SHARE, _WINDOW: .* got share .*|(SHARE|LIMIT)=\S+: expected .* from .*)$",
    ) as found:
        from_environment({f"CITY_RULE_REFUSAL_{name}": text for name, text in changes.items()})
    assert found.value.exit_code == 2
    assert "\n" not in str(found.value)


def test_a_directory_that_a_stack_with_a_door_left_is_found(tmp_path: Path) -> None:
    """`settings.json` of an older stack names `CITY_DOOR`: it is read as what it was."""
    (tmp_path / "run").mkdir()
    written = {**Settings().environment(), "CITY_DOOR": "127.0.0.2", "CITY_PORT_CLICKHOUSE": "1234"}
    (tmp_path / "run" / "settings.json").write_text(json.dumps(written))
    found = recall(tmp_path)
    assert (found.door, found.ports.clickhouse, found.data) == ("127.0.0.2", 1234, tmp_path)


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, None),
        ({"CITY_COMMAND_CLICKHOUSE": "new"}, "new"),
        ({"CITY_COMMAND_DOOR": "old"}, "old"),
        ({"CITY_COMMAND_CLICKHOUSE": "new", "CITY_COMMAND_DOOR": "old"}, "new"),
        ({"CITY_COMMAND_SINK": "other"}, None),
    ],
)
def test_a_command_is_named_by_the_role_or_its_former_name(
    environment: dict[str, str], command: str | None
) -> None:
    """The present name goes before the former one."""
    assert command_for("clickhouse", environment) == command
