"""The command `ledger-verify`. Its exit codes are those of `verdict.Outcome` (FORMAT.md §7.4)."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger_sink.verifier import memory
from ledger_sink.verifier.errors import StateError, UsageError, VerifierError
from ledger_sink.verifier.source_digest import version_text
from ledger_sink.verifier.subjects import verdict_of
from ledger_sink.verifier.verdict import Outcome, Verdict, printable

DEFAULT_MAX_BYTES = 4 << 30

_EXAMPLES = """\
examples:
  ledger-verify event.evidence --policy policy.txt
  ledger-verify event.evidence --policy policy.txt --source-key did:key:z6Mk…
  ledger-verify event.evidence --policy policy.txt --commitment c6c45ef6…
  ledger-verify --log ledger/air-quality.reading/0/1 --key keys.txt
  ledger-verify --city https://city.example/ledger --policy policy.txt --json
  ledger-verify --consistency old-checkpoint ledger/city/1/checkpoint --policy policy.txt
  ledger-verify --city ledger --policy policy.txt --topic air-quality.reading --records export.jsonl
  ledger-verify --city ledger --policy policy.txt --topic air-quality.reading --kafka broker:9092
  ledger-verify --city ledger --policy policy.txt --archive http://reader@clickhouse:8123 --password-file pw.txt

policy.txt is a C2SP tlog-policy file of your own: it names the logs and witnesses that you trust.
Checkpoints that passed are remembered (--state); a log that was rolled back or forked since is refused.
exit code: 0 everything holds; 1 something does not; 2 nothing was checked, or wrong usage; 3 something could not be
read; 4 a key is missing. Of several the gravest counts: 1, then 4, then 3, then 2.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code.

    Args:
        arguments: the command line without the program's name; `None` takes `sys.argv`.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    _require_one_subject(parser, options)
    try:
        state = None if options.no_remember else options.state or memory.default_file()
        known = memory.CheckpointMemory() if state is None else memory.load(state)
        verdict = verdict_of(options, known)
    except VerifierError as problem:
        return _no_verdict(problem, as_json=options.json)
    sys.stdout.write(verdict.json() if options.json else verdict.text(verbose=options.verbose))
    remembered = state is None or not verdict.passed or _remember(state, verdict)
    return verdict.outcome.exit_code if remembered else Outcome.FAILS.exit_code


def _no_verdict(problem: VerifierError, *, as_json: bool) -> int:
    """Report in one line why there is no verdict; return the exit code."""
    outcome = Outcome.NOTHING if isinstance(problem, UsageError) else Outcome.UNREADABLE
    sys.stderr.write(f"ledger-verify: {outcome.value}: {printable(str(problem))}\n")
    if as_json:
        content = {
            "verdict": "fail",
            "outcome": outcome.value,
            "exit_code": outcome.exit_code,
            "problem": str(problem),
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    return outcome.exit_code


def _remember(state: Path, verdict: Verdict) -> bool:
    """Add the verdict's checkpoints to the memory file.

    Returns:
        False if the file contradicts them. A file that cannot be written is reported, but is no failure.
    """
    try:
        problems = memory.remember(state, verdict.observed)
    except (OSError, StateError) as problem:
        sys.stderr.write(f"ledger-verify: not remembered: {problem}\n")
        return True
    for words in problems:
        sys.stderr.write(f"ledger-verify: {words}\n")
    return not problems


def _require_one_subject(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Exit with usage unless the options name one subject and at most one source of records."""
    whole_log = options.log if options.consistency is None else None
    modes = (options.bundle, options.city, options.consistency, whole_log)
    if sum(mode is not None for mode in modes) != 1:
        parser.error("give exactly one of BUNDLE, --log LOG, --city LEDGER, --consistency OLD NEW")
    sources = [name for name in ("records", "kafka", "archive") if getattr(options, name) is not None]
    if len(sources) > 1:
        parser.error(f"give one of --records, --kafka, --archive at a time, got {' and '.join(sources)}")
    if (sources or options.topic) and options.city is None and whole_log is None:
        parser.error("--topic, --records, --kafka and --archive go with --city or --log")
    if options.commitment is not None and options.bundle is None:
        parser.error("--commitment goes with BUNDLE")
    if options.topic and options.city is None:
        parser.error("--topic goes with --city; a log is of one topic")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ledger-verify",
        description="Verify evidence and ledgers of a city telemetry platform; bundles and directories offline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("bundle", nargs="?", type=Path, metavar="BUNDLE", help="an .evidence file")
    add(
        "--commitment", type=_commitment, metavar="HEX",
        help="with BUNDLE: the record must be the one received, as `city subscribe` prints it after `commit`",
    )  # fmt: skip
    add("--log", metavar="LOG", help="one log's folder or URL (tlog-tiles): all of it")
    add("--city", metavar="LEDGER", help="a ledger's directory or URL: every log and block")
    add(
        "--consistency", nargs=2, metavar=("OLD", "NEW"),
        help="two checkpoints: the proof is made from the tiles beside NEW, or in --log LOG",
    )  # fmt: skip
    add("--topic", metavar="TOPIC", help="with --city: of the partition logs, this topic's only")
    add("--records", type=Path, metavar="FILE", help="compare with exported records (JSON lines)")
    add("--kafka", metavar="ADDRESS", help="compare with the topic itself (needs confluent-kafka)")
    add("--kafka-option", action="append", default=[], metavar="NAME=VALUE", help="a librdkafka setting")
    add("--archive", metavar="URL", help="compare with a ClickHouse archive over HTTP")
    add("--password-file", type=Path, metavar="FILE", help="the password for --archive")
    add("--policy", type=Path, metavar="FILE", help="your C2SP tlog-policy file")
    add(
        "--keys",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="further keys: 'log <vkey>' lines",
    )
    add("--key", action="append", default=[], metavar="VKEY", help="a log's verifier key, or a file of keys")
    add(
        "--source-key", action="append", default=[], metavar="DID",
        help="a source's did:key: the record must be signed by it (or by another one that you give)",
    )  # fmt: skip
    _add_receipt_options(parser)
    add("--state", type=Path, metavar="FILE", help="where seen checkpoints are remembered")
    add("--no-remember", action="store_true", help="neither compare with what was seen nor remember it")
    add("--json", action="store_true", help="print the verdict as JSON, with every claim")
    add("--verbose", action="store_true", help="print every claim, and everything that is not shown")
    add(
        "--timeout", type=_positive, default=3600.0, metavar="SECONDS",
        help="longest time for all requests over HTTP together (default: 3600)",
    )  # fmt: skip
    add(
        "--max-bytes", type=_size, default=DEFAULT_MAX_BYTES, metavar="N",
        help="most bytes over HTTP together (default: 4 GiB; memory grows to about twice of them)",
    )  # fmt: skip
    add("--version", action=_Version, nargs=0, help="print the version and the SHA-256 of these sources")
    return parser


class _Version(argparse.Action):
    """Prints the version; the digest is computed only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"{version_text()}\n")
        parser.exit()


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}")
    return value


def _commitment(text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != 32 or len(text) != 64:
        raise argparse.ArgumentTypeError(f"expected 64 hexadecimal digits, got {text[:80]}")
    return value


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"expected a number of bytes, got {text[:40]}")
    return int(text)


def _add_receipt_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trust in outside services."""
    parser.add_argument(
        "--tsa-root", type=Path, action="append", default=[], metavar="FILE",
        help="root of a time stamping authority that you trust, PEM",
    )  # fmt: skip
    parser.add_argument(
        "--evm", action="append", default=[], metavar="CHAIN_ID:0xBLOCK_HASH",
        help="a block that you found on that chain, at a node that you trust",
    )  # fmt: skip
    parser.add_argument(
        "--anchor-copy", type=Path, action="append", default=[], metavar="FILE",
        help="your own copy of the city's checkpoint lines",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
