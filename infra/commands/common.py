"""Parts that the commands share: the data directory option, the speed, one-line errors, JSON output."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from infra.commands.one_line import reported
from infra.errors import SettingsError
from schemas.examples import finite

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.settings import Settings
    from schemas.catalog import Catalog


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
            raise SettingsError(f"--speed: {error}") from error


speed_type = SpeedType()

F = TypeVar("F", bound="Callable[..., Any]")


def one_line_errors(function: F) -> F:
    """Wrap a command so that any error becomes one line on stderr and its exit code (`commands.one_line`)."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        named = [kwargs.get("data"), *kwargs.values()]
        places = [each.absolute() for each in named if isinstance(each, Path)]
        code = reported(lambda: function(*args, **kwargs), *places)
        if code:
            sys.exit(code)

    return wrapped  # type: ignore[return-value]


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


def running(data: Path, *parts: str) -> Settings:
    """Return the settings of the stack of a data directory.

    Args:
        data: The data directory.
        parts: What the command talks to, of `infra.running.PARTS`; none: the stack need not run.

    Raises:
        DataDirectoryError: No stack has run there, or the directory cannot be read.
        StackStoppedError: The stack is not running.
        PartDownError: It runs, but one of the parts does not answer.
    """
    from infra.running import require

    return require(data.absolute(), *parts)


def catalog() -> Catalog:
    """Return the catalogue: the packaged domains and those named in `CITY_DOMAINS`."""
    from infra.layer_configs import catalog as load

    return load()


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(finite(value), indent=2, ensure_ascii=False, default=str, allow_nan=False))
