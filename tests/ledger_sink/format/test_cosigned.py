"""Which cosignatures count: keys that differ, and times that are neither none nor in the future."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_sink.errors import SetupError, WitnessUnavailableError
from ledger_sink.format.clock import CLOCK_TOLERANCE_S
from ledger_sink.format.cosignature import CosigningKey
from ledger_sink.format.cosignature_message import cosigned_message
from ledger_sink.format.cosigned import open_cosigned
from ledger_sink.format.errors import PolicyFormatError, QuorumError, SignatureError
from ledger_sink.format.layout import POLICY
from ledger_sink.format.note import Note, Signature, SigningKey, VerifierKey, parse_note, verify_note
from ledger_sink.format.policy import Policy
from ledger_sink.log.key_list import log_keys_of_policy
from ledger_sink.store import MemoryStore
from ledger_sink.verifier.city_check import check_city
from ledger_sink.verifier.errors import TrustError
from ledger_sink.verifier.evidence import check_event
from ledger_sink.verifier.trust import Trust, load_trust
from ledger_sink.verifier.verdict import Status
from ledger_sink.witness import city_policy
from ledger_sink.witness.client import WitnessClient
from tests.ledger_sink.simulated_city import OWN_WITNESS, WITNESS, SimulatedCity, small_city

NOW_S = 1_800_000_000
CITY = small_city()
LOG = CITY.log.key
LATE = NOW_S + CLOCK_TOLERANCE_S + 1
TWO = (
    f"log {LOG.vkey}\nwitness a {WITNESS.vkey}\nwitness b {OWN_WITNESS.vkey}\n"
    "group both {} a b\nquorum both\n"
)


def cosigned(*lines: tuple[CosigningKey, int]) -> bytes:
    """Return the city log's checkpoint with cosignatures of any times, as a hostile or broken witness makes them."""
    note = parse_note(CITY.log.checkpoint())
    return Note(note.text, (*note.signatures, *(line(*each, note.text) for each in lines))).encode()


def line(key: CosigningKey, time_s: int, text: str) -> Signature:
    """Cosign without the checks of an honest witness."""
    raw = Ed25519PrivateKey.from_private_bytes(key.seed).sign(cosigned_message(text, time_s))
    return Signature(key.name, key.verifier.key_id, time_s.to_bytes(8, "big") + raw)


@pytest.mark.parametrize("time_s", [1, NOW_S - 10**9, NOW_S, NOW_S + CLOCK_TOLERANCE_S])
def test_a_time_of_the_past_and_within_the_tolerance_counts(time_s: int) -> None:
    """An old cosignature stays valid, and honest clocks may differ by a day."""
    opened = open_cosigned(cosigned((WITNESS, time_s)), policy_of(WITNESS), NOW_S)
    assert [found for _, found in opened.witnesses] == [time_s]
    assert opened.misdated == ()


@pytest.mark.parametrize("time_s", [0, LATE, 2**62, 2**63 - 1])
def test_no_time_and_a_time_of_the_future_do_not_count(time_s: int) -> None:
    """Neither satisfies a quorum; the error names the witness and why; another witness's cosignature still counts."""
    why = r"w0'? does not count: it states no time" if time_s == 0 else "does not count: its time, .* clock"
    with pytest.raises(QuorumError, match=why):
        open_cosigned(cosigned((WITNESS, time_s)), policy_of(WITNESS), NOW_S)
    both = cosigned((WITNESS, time_s), (OWN_WITNESS, NOW_S))
    with pytest.raises(QuorumError, match=r"got 'b'; 'a' does not count"):
        open_cosigned(both, Policy.parse(TWO.format("all").encode()), NOW_S)
    opened = open_cosigned(both, Policy.parse(TWO.format("any").encode()), NOW_S)
    assert [witness.name for witness, _ in opened.witnesses] == ["b"]
    assert [(found.witness.name, found.time_s) for found in opened.misdated] == [("a", time_s)]


def test_the_newest_time_that_counts_is_taken() -> None:
    """A second line of the same witness with a time of the future neither counts nor spoils the first one."""
    opened = open_cosigned(
        cosigned((WITNESS, NOW_S - 5), (WITNESS, LATE), (WITNESS, NOW_S - 9)), policy_of(WITNESS), NOW_S
    )
    assert [found for _, found in opened.witnesses] == [NOW_S - 5]


def test_a_time_beyond_the_format_is_a_wrong_signature() -> None:
    """2^63 and above are no times (C2SP tlog-cosignature)."""
    with pytest.raises(SignatureError, match="wrong"):
        open_cosigned(cosigned((WITNESS, 2**63)), policy_of(WITNESS), NOW_S)


def test_the_verdict_names_every_time_and_what_does_not_count(tmp_path: Path) -> None:
    """Bundle and ledger: the time of each cosignature in words and facts; one of the future is named, not counted."""
    trust = Trust(Policy.parse(TWO.format("any").encode()), clock=lambda: NOW_S)
    note = cosigned((WITNESS, NOW_S), (OWN_WITNESS, LATE))
    evidence = CITY.evidence(CITY.partitions[0], 3)
    mixed = replace(evidence, city_proof=CITY.log.proof(1, note).encode())
    city = small_city()
    city.log.files["checkpoint"] = note
    ledger = city.write(tmp_path)
    for verdict in (check_event("x", mixed, trust), check_city("x", ledger, trust)):
        assert verdict.passed
        words = {
            claim.name: claim.words
            for claim in verdict.claims
            if claim.name in ("witnessed", "cosignature-time")
        }
        assert f"Cosigned by {WITNESS.name} at 2027-01-15 08:00:00 UTC" in words["witnessed"]
        assert (
            f"{OWN_WITNESS.name} does not count: its time, 2027-01-16 08:00:01 UTC"
            in words["cosignature-time"]
        )
    facts = check_event("x", mixed, trust).facts["cosignatures"]
    assert [(each["witness"], each["counts"]) for each in facts] == [
        (WITNESS.name, True),
        (OWN_WITNESS.name, False),
    ]
    only = replace(evidence, city_proof=CITY.log.proof(1, cosigned((WITNESS, LATE))).encode())
    failed = [claim for claim in check_event("x", only, trust).claims if claim.status is Status.FAILED]
    assert [claim.name for claim in failed] == ["witnessed"]
    assert "one of the two clocks is wrong" in failed[0].words


def test_a_cosignature_older_than_its_block_is_named() -> None:
    """Second 1 of 1970 on a block of 2026 is valid, and the words say that a clock is wrong."""
    old = replace(
        CITY.evidence(CITY.partitions[0], 3), city_proof=CITY.log.proof(1, cosigned((WITNESS, 1))).encode()
    )
    verdict = check_event("x", old, Trust(policy_of(WITNESS), clock=lambda: NOW_S))
    assert verdict.passed
    assert "although the city dates a block in that checkpoint 2026-01-02" in verdict.text()


@pytest.mark.parametrize("time_s", [0, 2**62])
def test_the_city_takes_no_cosignature_that_does_not_count(
    time_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A witness without a clock is unavailable, so that no checkpoint is published on its word."""
    client = WitnessClient(WITNESS.verifier, "http://127.0.0.1:1")
    head = CITY.log.head()
    body = line(WITNESS, time_s, head.text).line.encode()
    monkeypatch.setattr(WitnessClient, "_ask", lambda *_: (200, body))
    with pytest.raises(WitnessUnavailableError, match="does not count"):
        client.cosign(head, b"", None)  # type: ignore[arg-type]


def same_key(name: str) -> str:
    """Spell the witness's key under another name."""
    return CosigningKey(name, WITNESS.seed).vkey


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (f"witness a {WITNESS.vkey}\nwitness b {same_key('other.example')}", "witness other.example"),
        (f"witness a {WITNESS.vkey}\nwitness b {WITNESS.vkey}", f"witness {WITNESS.name}"),
        (f"witness a {CosigningKey('w.example', LOG.seed).vkey}", "log seoul.example/city/1"),
        (f"log {SigningKey('log.example', LOG.seed).vkey}", "log seoul.example/city/1"),
    ],
)
def test_one_key_counts_once_in_a_policy(lines: str, words: str) -> None:
    """As two witnesses, as witness and log, as two logs: refused with both uses, in either order of the lines."""
    log = f"log {LOG.vkey}"
    for text in (f"{log}\n{lines}", "\n".join([*lines.splitlines(), log])):
        with pytest.raises(
            PolicyFormatError, match=r"line [123]: .* has the same public key as .*one key counts once"
        ) as found:
            Policy.parse(f"{text}\nquorum none\n".encode())
        assert words in str(found.value)


def test_a_key_given_beside_the_policy_is_no_witness_of_it(tmp_path: Path) -> None:
    """On the command line, and in the ledger's own keys.txt."""
    policy = tmp_path / "policy.txt"
    policy.write_bytes(f"log {LOG.vkey}\nwitness a {WITNESS.vkey}\nquorum a\n".encode())
    with pytest.raises(TrustError, match="same public key as the log"):
        load_trust(policy, [], [SigningKey("seoul.example/t/0/1", WITNESS.seed).vkey])
    partition = CITY.partitions[0]
    city = SimulatedCity(
        CITY.partitions, CITY.log, CITY.blocks, (CosigningKey("far.example", partition.key.seed),)
    )
    city.log.files["checkpoint"] = city.cosigned()
    verdict = check_city("x", city.write(tmp_path / "ledger"), Trust(Policy.parse(city.policy())))
    found = [claim.words for claim in verdict.claims if claim.name == "partition-keys"]
    assert verdict.outcome.exit_code == 1
    assert "the witness 'far.example' of the policy has the same public key as the log" in found[0]


def test_two_witnesses_with_one_key_make_no_first_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The city writes no policy that it could not read back."""
    monkeypatch.setattr(city_policy, "_key_of", lambda _url: WITNESS.verifier)
    store = MemoryStore()
    with pytest.raises(
        SetupError, match="one key counts once; remove one line; change the configured witnesses"
    ):
        city_policy.city_policy(store, LOG.verifier, ["http://a.example", "http://b.example"], None)
    with pytest.raises(Exception, match=POLICY):
        store.read(POLICY)


def test_two_keys_with_one_name_and_id_are_ambiguous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four bytes of an id can be made to collide: neither a policy nor a verification takes two such keys."""
    one, two = (SigningKey("log.example", bytes([n]) * 32).verifier for n in (1, 2))
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda _key: b"same"))
    note = Note("text\n", (Signature("log.example", b"same", bytes(64)),))
    with pytest.raises(SignatureError, match="two trusted keys are both"):
        verify_note(note, [one, two])
    with pytest.raises(PolicyFormatError, match="same name and key id"):
        Policy.parse(f"log {one.vkey}\nlog {two.vkey}\nquorum none\n".encode())


@pytest.mark.parametrize("gap", ["\u2028", "\u0085", "\u00a0", "\x0b", "\x0c", "\r"])
def test_a_witness_reads_the_log_lines_that_others_read(gap: str) -> None:
    """No line hides in a comment behind a separator of Unicode: what a policy's reader ignores, a witness ignores."""
    hidden = f"log {LOG.vkey}\n# nothing{gap}log {SigningKey('evil.example', bytes(32)).vkey}\nquorum none\n".encode()
    try:
        expected = {log.key.name for log in Policy.parse(hidden).logs}
    except PolicyFormatError:
        with pytest.raises(SetupError):
            log_keys_of_policy(hidden)
    else:
        assert set(log_keys_of_policy(hidden)) == expected == {LOG.name}


def test_a_witness_takes_one_key_of_a_log() -> None:
    """Two lines of one origin: refused, since the last one would silently win; cosigners' keys are no logs."""
    two = f"log {LOG.vkey}\nlog {SigningKey(LOG.name, bytes(32)).vkey}\n".encode()
    with pytest.raises(SetupError, match=r"two keys of the log seoul\.example/city/1"):
        log_keys_of_policy(two)
    with pytest.raises(SetupError, match=r"line 1: .*expected type 01"):
        log_keys_of_policy(f"log {WITNESS.vkey}\n".encode())


def policy_of(*keys: CosigningKey) -> Policy:
    """Trust the city log and demand these witnesses."""
    lines = [f"log {LOG.vkey}", *(f"witness w{i} {key.vkey}" for i, key in enumerate(keys))]
    names = " ".join(f"w{i}" for i in range(len(keys)))
    return Policy.parse("\n".join([*lines, f"group g all {names}", "quorum g", ""]).encode())
