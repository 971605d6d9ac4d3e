"""`city demo`: a walkthrough by real commands, from a crash to forged evidence."""

from __future__ import annotations

import signal
import sys
import time

import click

from infra.commands.common import catalog, one_line_errors
from infra.commands.progress import Progress, ticking


def register(group: click.Group) -> None:
    """Add the command to `city`."""
    group.add_command(demo)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the city up at the end, and its directory behind.")
@one_line_errors
def demo(keep: bool) -> None:
    """Walk through the platform by real commands: a crash, its event at the insurer, its evidence, a forgery.

    The demo runs a city of its own, in a directory and on ports of its own. Exit code 0 only if every step came out as
    expected.
    """
    from rich.console import Console

    from infra.demo.demo_city import DemoCity
    from infra.demo.walkthrough import Walkthrough

    console, progress = Console(highlight=False), Progress("demo")
    steps = iter(range(1, 100))

    def say(style: str, before: str, text: str) -> None:
        progress.clear(text[:60] if style else "")
        console.print(before + text, style=style, markup=False, soft_wrap=True)

    def on_signal(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    began = time.monotonic()
    try:
        with DemoCity(lambda typed: say("cyan", "  $ ", typed), keep=keep) as city:
            with ticking(progress, "reading the catalogue"):
                Walkthrough(
                    city,
                    catalog(),
                    tell=lambda line: say("", "  ", line),
                    head=lambda title: say("bold", f"\n{next(steps)}. ", title),
                ).run()
            seconds = time.monotonic() - began
            say("bold", "\n", f"Every step came out as expected, in {seconds:.0f} s.")
            if keep:
                where = city.settings.web_url
                say("", "", f"The city stays up at {where}; Ctrl-C ends it, {city.data} stays.")
                city.stay()
            say("", "", "The city is stopped in order.")
            with ticking(progress, "stopping the city"):
                code = city.stop()
    except KeyboardInterrupt:
        say("", "\n", "ended in order")
        sys.exit(130)
    if code != 0:
        click.echo(f"city: the city did not end in order: exit code {code}", err=True)
        sys.exit(1)
