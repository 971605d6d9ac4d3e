"""What becomes of any error of a command: one line on stderr and an exit code, never a traceback.

A pipe that its reader closed (`city … | head`) ends a command without a word, and so with the exit code that a shell
gives a program ended by SIGPIPE. Ctrl-C ends it with one line and 130.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.near_names import did_you_mean
from infra.process.disk_space import no_room

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 128 + signal.SIGINT
PIPE_CLOSED = 128 + signal.SIGPIPE
USAGE = 2


class CityGroup(click.Group):
    """A group of commands whose errors are one line each, and that names the command a misspelt one stands for."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line as click does; as a program of its own, report every error in one line."""
        run: Callable[[], Any] = partial(super().main, *args, standalone_mode=False, **extra)
        return sys.exit(reported(run)) if standalone_mode else run()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; refuse an unknown one with the nearest known one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(f"no command {name!r}{did_you_mean(name, self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)


def reported(run: Callable[[], Any], *places: Path) -> int:
    """Run a command and return its exit code; print whatever ends it in one line on stderr.

    Args:
        run: The command.
        places: Folders that it writes to; a full one is named.
    """
    try:
        result = run()
        sys.stdout.flush()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # rich makes an exit of its own of it
            return _silenced()
        return _flushed(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
    except BaseException as error:  # noqa: BLE001 - nothing gets past: that is the purpose of this function
        if isinstance(error, BrokenPipeError):
            return _silenced()
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message(), err=True)
            return error.exit_code
        line, code = line_of(error, *places)
        _say(line)
        return code
    return result if isinstance(result, int) else 0


def line_of(error: BaseException, *places: Path) -> tuple[str, int]:
    """Return the line about an error, and the exit code.

    Args:
        error: What ended a command.
        places: Folders that the command writes to; a full one is named.
    """
    from infra.known_errors import exit_code_of, known_errors

    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", INTERRUPTED
    if isinstance(error, click.ClickException):
        return _usage(error), error.exit_code
    if isinstance(error, known_errors()):
        return _first_line(error), exit_code_of(error)
    if isinstance(error, OSError):
        full = no_room(error, *places, Path.cwd(), Path(tempfile.gettempdir()))
        if full:
            return full, USAGE
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return f"{where}{error.strerror or error}", USAGE
    trouble = _store_trouble(error)
    return (trouble, 1) if trouble else (_unexpected(error), 1)


def _usage(error: click.ClickException) -> str:
    """Return click's own message as part of one line, with the command whose `--help` knows more."""
    text = " ".join(error.format_message().split()).rstrip(".").replace(" Did you mean", "; did you mean")
    context = getattr(error, "ctx", None)
    if context is None:
        return text
    first = text[:1].lower() + text[1:] if text[1:2].islower() else text
    return f"{first} (see `{context.command_path} --help`)"


def _store_trouble(error: BaseException) -> str | None:
    """Return what the client of a store says and what to do, in one line; None for any other error."""
    from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
    from confluent_kafka import KafkaException

    if isinstance(error, KafkaException):
        cause = error.args[0] if error.args else error
        text = cause.str() if hasattr(cause, "str") else str(cause)
        return f"Kafka: {text}; the stack must run (`city up`)"
    if isinstance(error, OperationalError):
        return f"ClickHouse does not answer ({_first_line(error)[:160]}); the stack must run (`city up`)"
    if isinstance(error, ClickHouseError):
        text = _first_line(error)
        if "AUTHENTICATION_FAILED" in str(error) or "Code: 516" in str(error):
            return "ClickHouse refuses the user or its password; see keys/clickhouse-password in the data directory"
        return f"ClickHouse: {text[:300]}"
    return None


def _unexpected(error: BaseException) -> str:
    """Return the line about a fault of the program; the traceback is kept for its authors."""
    from infra.settings import debug

    if debug():
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)
    at = f" at {Path(where[-1].filename).name}:{where[-1].lineno}" if where else ""
    return (
        f"unexpected {type(error).__name__}{at}: {_first_line(error)[:200]}; a fault of the program: "
        "please report it (CITY_DEBUG=on shows the traceback)"
    )


def _first_line(error: BaseException) -> str:
    return " ".join(next(iter(str(error).strip().splitlines()), "").split()) or type(error).__name__


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _silenced()
    return code


def _silenced() -> int:
    """Keep the interpreter from flushing into the closed pipe at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None  # as for a program without any output
    return PIPE_CLOSED


def _say(line: str) -> None:
    try:
        click.echo(f"city: {line}", err=True)
    except OSError:
        return
