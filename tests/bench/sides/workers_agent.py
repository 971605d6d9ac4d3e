"""One of several agent workers for `workers-agents`: the worker process as the platform runs it, with one rule."""

from __future__ import annotations

from schemas.catalog import load_catalog
from streams.metrics import no_emit
from streams.worker.app import run
from tests.bench.sides.agents_ours import declare
from tests.bench.sides.told import Told


def main() -> None:
    """Work until SIGTERM."""
    run(declare(Told.read()), load_catalog(), no_emit)


if __name__ == "__main__":
    main()
