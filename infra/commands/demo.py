"""`city demo`: the story from the crash to the forged evidence, told by real commands."""

from __future__ import annotations

import signal
import sys
import time

import click

from infra.commands.common import catalog, one_line_errors


def register(group: click.Group) -> None:
    """Add the command to `city`."""
    group.add_command(demo)


@click.command()
@click.option("--keep", is_flag=True, help="Leave the city up at the end, and its directory behind.")
@one_line_errors
def demo(keep: bool) -> None:
    """Tell a story with real commands: a crash, its event at the insurer, its evidence, a forgery found out.

    A city of its own, in a directory and on ports of its own; exit code 0 only if all came out as told.
    """
    from rich.console import Console

    from infra.demo.stage import Stage
    from infra.demo.story import Story

    console = Console(highlight=False)
    steps = iter(range(1, 100))

    def say(style: str, before: str, text: str) -> None:
        console.print(before + text, style=style, markup=False, soft_wrap=True)

    def on_signal(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    began = time.monotonic()
    try:
        with Stage(lambda typed: say("cyan", "  $ ", typed), keep=keep) as stage:
            Story(
                stage,
                catalog(),
                tell=lambda line: say("", "  ", line),
                head=lambda title: say("bold", f"\n{next(steps)}. ", title),
            ).play()
            seconds = time.monotonic() - began
            say("bold", "\n", f"All came out as told, in {seconds:.0f} s.")
            if keep:
                where = stage.settings.web_url
                say("", "", f"The city stays up at {where}; Ctrl-C ends it, {stage.data} stays.")
                stage.stay()
            say("", "", "The city is stopped in order.")
            code = stage.stop_city()
    except KeyboardInterrupt:
        say("", "\n", "ended in order")
        sys.exit(130)
    if code != 0:
        click.echo(f"city: the city did not end in order: exit code {code}", err=True)
        sys.exit(1)
