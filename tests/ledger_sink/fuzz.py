"""Coverage-guided fuzzing of one parser with atheris, for a given time; see FUZZED.md for what was run.

    uv run --group fuzz python -m tests.ledger_sink.fuzz note --seconds 600 --corpus /tmp/corpus/note

It begins with the parser's sample and what `tests/vectors/fuzz_corpus.json` holds for it, stops at the first broken
promise (`format/parsers.py`), and at the end prints one line of JSON. `--keep` puts the inputs that reached something
new into that file, the smallest first; the tests replay it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from hashlib import sha256
from importlib import import_module
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "vectors" / "fuzz_corpus.json"
LONGEST = 4096
KEPT_BYTES = 6000
"""So much of a parser's corpus is kept in the repository, the smallest inputs first."""


def kept() -> dict[str, list[bytes]]:
    """Return the inputs in the repository, by parser."""
    if not CORPUS.exists():
        return {}
    return {
        name: [b64decode(data) for data in found] for name, found in json.loads(CORPUS.read_text()).items()
    }


def target(name: str, libfuzzer: list[str]) -> None:
    """Fuzz in this process; libFuzzer ends it."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["ledger_sink.format"]):
        parsers = import_module("tests.ledger_sink.format.parsers")

    def one(data: bytes) -> None:
        parsers.hold(name, data)

    atheris.Setup([sys.argv[0], *libfuzzer], one)
    atheris.Fuzz()


def run(name: str, seconds: int, corpus: Path) -> dict[str, object]:
    """Fuzz in a child for so many seconds and say what it did."""
    corpus.mkdir(parents=True, exist_ok=True)
    parsers = import_module("tests.ledger_sink.format.parsers")
    sample = parsers.PARSERS[name].sample
    for data in [sample, *kept().get(name, [])]:
        (corpus / sha256(data).hexdigest()).write_bytes(data)
    began = time.monotonic()
    options = [f"-max_total_time={seconds}", f"-max_len={max(LONGEST, 2 * len(sample))}", "-timeout=20"]
    done = child(name, [*options, "-print_final_stats=1", f"-artifact_prefix={corpus}-", str(corpus)])
    found = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "parser": name,
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(used.ru_utime + used.ru_stime),
        "executions": int(found[1]) if found else None,
        "corpus": len(list(corpus.iterdir())),
        "broken_promise": None if done.returncode == 0 else done.stderr[-3000:],
    }


def child(name: str, libfuzzer: list[str]) -> subprocess.CompletedProcess[str]:
    """Run libFuzzer in a process of its own."""
    program = [sys.executable, "-m", "tests.ledger_sink.fuzz", name, "--libfuzzer", json.dumps(libfuzzer)]
    root = Path(__file__).parents[2]
    return subprocess.run(program, cwd=root, capture_output=True, text=True, errors="replace", check=False)


def keep(name: str, corpus: Path) -> None:
    """Put what a run collected, each of which reached something new, into the repository's corpus."""
    inputs = sorted((path.read_bytes() for path in corpus.iterdir()), key=lambda data: (len(data), data))
    chosen: list[bytes] = []
    for data in inputs:
        if sum(map(len, chosen)) + len(data) <= KEPT_BYTES:
            chosen.append(data)
    everything = {key: [b64encode(data).decode() for data in found] for key, found in kept().items()}
    everything[name] = [b64encode(data).decode() for data in chosen]
    CORPUS.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parser", help="a name in format/parsers.py")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, help="where inputs are collected")
    parser.add_argument("--keep", action="store_true", help="keep the corpus in the repository")
    parser.add_argument("--libfuzzer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.libfuzzer:
        target(options.parser, json.loads(options.libfuzzer))
        return
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="fuzz-corpus-"))
    sys.stdout.write(json.dumps(run(options.parser, options.seconds, corpus)) + "\n")
    if options.keep:
        keep(options.parser, corpus)


if __name__ == "__main__":
    main()
