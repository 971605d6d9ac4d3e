"""Parts that the commands share: the data directory option, the speed, one-line errors, JSON output."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from infra.settings import Settings
    from schemas.catalog import Catalog


class _OneLineError(click.ClickException):
    """A parameter that cannot be used: one line on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line as `one_line_errors` prints its own."""
        click.echo(f"city: {self.message}", file=file, err=file is None)


class SpeedType(click.ParamType):
    """Parameter type of `--speed`: `live`, `max`, or a finite number above 0."""

    name = "speed"

    def convert(
        self,
        value: str | float,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str | float:
        """Parse the value with the parser of the replay; refuse any other in one line."""
        from streams.replay.schedule import parse_speed

        try:
            return parse_speed(str(value))
        except ValueError as error:
            raise _OneLineError(f"--speed: {error}") from error


speed_type = SpeedType()

F = TypeVar("F", bound="Callable[..., Any]")


def one_line_errors(function: F) -> F:
    """Wrap a command so that a known error becomes one line on stderr and its exit code."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from infra.known_errors import exit_code_of, known_errors

        try:
            return function(*args, **kwargs)
        except known_errors() as error:
            click.echo(f"city: {error}", err=True)
            sys.exit(exit_code_of(error))
        except OSError as error:
            from infra.process.disk_space import no_room

            full = no_room(error, kwargs.get("data") or Path.cwd())
            if full:
                click.echo(f"city: {full}", err=True)
                sys.exit(2)
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"city: {where}{error.strerror or error}", err=True)
            sys.exit(2)
        except Exception as error:
            trouble = _store_trouble(error)
            if trouble is None:
                raise
            click.echo(f"city: {trouble}", err=True)
            sys.exit(1)

    return wrapped  # type: ignore[return-value]


def _store_trouble(error: Exception) -> str | None:
    """Return what the client of a store says and what to do, in one line; None for any other error."""
    from clickhouse_connect.driver.exceptions import OperationalError
    from confluent_kafka import KafkaException

    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}; the stack must run (`city up`)"
    return (
        "ClickHouse does not answer; the stack must run (`city up`)"
        if isinstance(error, OperationalError)
        else None
    )


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=lambda: _settings_module().from_environment().data,
    show_default=".city",
    help="The stack's data directory.",
)


def _settings_module() -> Any:
    from infra import settings

    return settings


def running(data: Path) -> Settings:
    """Return the settings of the stack that runs, or last ran, in a data directory."""
    settings: Settings = _settings_module().recall(data)
    return settings


def catalog() -> Catalog:
    """Return the catalogue: the packaged domains and those named in `CITY_DOMAINS`."""
    from infra.layer_configs import catalog as load

    return load()


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
