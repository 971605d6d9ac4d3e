"""`ledger-verify`: the command. Exit code 0 pass, 1 fail, 2 wrong usage or something unreadable."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.consistency_check import check_consistency
from ledger_sink.verifier.errors import UnreadableError, VerifierError
from ledger_sink.verifier.evidence import MAX_BUNDLE_BYTES, check_evidence
from ledger_sink.verifier.folder import LogFolder
from ledger_sink.verifier.log_check import check_log
from ledger_sink.verifier.receipts import load_receipt_trust
from ledger_sink.verifier.trust import load_trust, read_file
from ledger_sink.verifier.verdict import Verdict

PASS, FAIL, UNUSABLE = 0, 1, 2

_EXAMPLES = """\
examples:
  ledger-verify event.evidence --policy policy.txt
  ledger-verify event.evidence --policy policy.txt --source-key did:key:z6Mk…
  ledger-verify --log ledger/air-quality.reading/0/1 --key keys.txt
  ledger-verify --city ledger --policy policy.txt --keys keys.txt --json
  ledger-verify --consistency old-checkpoint ledger/city/1/checkpoint --policy policy.txt

policy.txt is a C2SP tlog-policy file of your own: it names the logs and witnesses that you trust.
exit code: 0 everything that was checked holds, 1 something does not, 2 wrong usage or unreadable
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    whole_log = options.log if options.consistency is None else None
    modes = (options.bundle, options.city, options.consistency, whole_log)
    if sum(mode is not None for mode in modes) != 1:
        parser.error("give exactly one of BUNDLE, --log DIR, --city DIR, --consistency OLD NEW")
    try:
        verdict = _verdict(options)
    except VerifierError as problem:
        sys.stderr.write(f"ledger-verify: {problem}\n")
        return UNUSABLE
    sys.stdout.write(verdict.json() if options.json else verdict.text())
    return PASS if verdict.passed else FAIL


def _verdict(options: argparse.Namespace) -> Verdict:
    receipts = load_receipt_trust(options.tsa_root, options.evm, options.anchor_copy)
    trust = replace(
        load_trust(options.policy, options.keys, options.key, options.source_key), receipts=receipts
    )
    if options.bundle is not None:
        data = read_file(options.bundle, MAX_BUNDLE_BYTES)
        return check_evidence(str(options.bundle), data, trust)
    if options.city is not None:
        return check_city(str(options.city), options.city, trust)
    if options.consistency is not None:
        old, new = options.consistency
        tiles = options.log or new.parent
        return check_consistency(f"{old} → {new}", read_file(old), read_file(new), tiles, trust)
    if not options.log.is_dir():
        raise UnreadableError(f"{options.log}: expected the folder of a log")
    return check_log(str(options.log), LogFolder(options.log), trust)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ledger-verify",
        description="Verify evidence and ledgers of a city telemetry platform, offline.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="?", type=Path, metavar="BUNDLE", help="an .evidence file")
    parser.add_argument("--log", type=Path, metavar="DIR", help="one log's folder (tlog-tiles): all of it")
    parser.add_argument("--city", type=Path, metavar="DIR", help="a ledger directory: every log and block")
    parser.add_argument(
        "--consistency", nargs=2, type=Path, metavar=("OLD", "NEW"),
        help="two checkpoints: the proof is made from the tiles beside NEW, or in --log DIR",
    )  # fmt: skip
    parser.add_argument("--policy", type=Path, metavar="FILE", help="your C2SP tlog-policy file")
    parser.add_argument(
        "--keys",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="further keys: 'log <vkey>' lines",
    )
    parser.add_argument(
        "--key", action="append", default=[], metavar="VKEY", help="a log's verifier key, or a file of keys"
    )
    parser.add_argument(
        "--source-key", action="append", default=[], metavar="DID",
        help="a source's did:key: the record must be signed by it (or by another one that you give)",
    )  # fmt: skip
    _add_receipt_options(parser)
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


def _add_receipt_options(parser: argparse.ArgumentParser) -> None:
    """Options that say whom to believe about receipts of outside services."""
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
