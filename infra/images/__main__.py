"""`python -m infra.images [NAME…]`: builds the images that a stack runs (kafka, clickhouse, platform)."""

from __future__ import annotations

import argparse
import sys

from infra.images.build import build
from infra.images.docker_cli import Docker
from infra.images.errors import ImageError
from infra.images.recipes import RECIPES, RUNNABLE


def main(arguments: list[str] | None = None) -> int:
    """Build and print the tags; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.images", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}")
    parser.add_argument("--host", help="address of the Docker daemon (default: as the docker program does)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in RECIPES]
    if unknown:
        parser.error(f"unknown image {unknown[0]!r}: expected {', '.join(RECIPES)}")
    try:
        tags = build(Docker(options.host), options.names or RUNNABLE, lambda line: _write(sys.stderr, line))
    except ImageError as error:
        _write(sys.stderr, f"images: {error}")
        return 2
    for name, tag in tags.items():
        _write(sys.stdout, f"{name} {tag}")
    return 0


def _write(stream: object, line: str) -> None:
    print(line, file=stream, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
