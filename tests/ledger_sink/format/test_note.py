"""Signed notes, keys, checkpoints and cosignatures: vectors of the spec, strictness, attacks."""

from pathlib import Path

import pytest

from ledger_sink.format.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from ledger_sink.format.cosignature import CosigningKey, cosignature_times, verify_cosignature
from ledger_sink.format.errors import (
    CheckpointFormatError,
    CosignatureFormatError,
    FormatError,
    KeyFormatError,
    NoteFormatError,
    SignatureError,
)
from ledger_sink.format.merkle import EMPTY_ROOT
from ledger_sink.format.note import (
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    parse_note,
    parse_signatures,
    sign_note,
    verify_note,
)

TESSERA = Path(__file__).parents[2] / "vectors" / "tlog_tiles_tessera"
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E"
    "RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
LOG = SigningKey("log.example/1", b"l" * 32)
OTHER = SigningKey("log.example/2", b"m" * 32)
WITNESS = CosigningKey("witness.example/1", b"w" * 32)
TEXT = Checkpoint(LOG.name, 3, bytes(range(32))).text


def test_the_specs_own_note_verifies() -> None:
    """The signed-note example verifies with its key, and reads back as its bytes."""
    note = parse_note(SPEC_NOTE)
    key = VerifierKey.parse(VKEY)
    assert verify_note(note, [key]) == note.signatures
    assert note.encode() == SPEC_NOTE
    assert key.vkey == VKEY


@pytest.mark.parametrize("name", ["checkpoint", *(f"checkpoint.{size}" for size in range(16))])
def test_tesseras_checkpoints_open(name: str) -> None:
    """Another implementation's checkpoints are signed by its published test key."""
    checkpoint, _ = open_checkpoint((TESSERA / name).read_bytes(), VerifierKey.parse(TESSERA_KEY))
    assert checkpoint.size == int(name.partition(".")[2] or 15)


def test_a_signed_checkpoint_opens_with_its_key() -> None:
    """What is signed opens; signing again gives the same bytes."""
    signed = sign_note(TEXT, [LOG])
    assert open_checkpoint(signed, LOG.verifier)[0] == Checkpoint(LOG.name, 3, bytes(range(32)))
    assert sign_note(TEXT, [LOG]) == signed


def test_wrong_signature_of_a_known_key_refuses_the_whole_note() -> None:
    """A known key's bad signature is refused even beside a good one."""
    good = LOG.sign(TEXT)
    bad = Signature(OTHER.name, OTHER.verifier.key_id, bytes(64))
    note = Note(TEXT, (good, bad))
    with pytest.raises(SignatureError, match="is wrong"):
        verify_note(note, [LOG.verifier, OTHER.verifier])
    assert verify_note(note, [LOG.verifier]) == (good,)


def test_note_with_unknown_signatures_only_is_refused() -> None:
    """Signatures of unknown keys are no signatures."""
    with pytest.raises(SignatureError, match="one of 1 known keys"):
        verify_note(parse_note(sign_note(TEXT, [LOG])), [OTHER.verifier])


def test_unknown_key_of_the_same_name_is_ignored() -> None:
    """A key of a known name but other id is unknown: its signature is ignored, not refused."""
    namesake = SigningKey(LOG.name, b"x" * 32)
    note = Note(TEXT, (namesake.sign(TEXT), LOG.sign(TEXT)))
    assert len(verify_note(note, [LOG.verifier])) == 1


def test_witness_signatures_do_not_stand_in_for_the_log() -> None:
    """A checkpoint with nothing but cosignatures is not the log's."""
    note = Note(TEXT, (WITNESS.cosign(TEXT, 5),))
    assert verify_note(note, [LOG.verifier, WITNESS.verifier])
    with pytest.raises(SignatureError):
        open_checkpoint(note.encode(), LOG.verifier)


def test_foreign_logs_checkpoint_is_refused() -> None:
    """A checkpoint of another origin is refused, whoever signed it."""
    with pytest.raises(CheckpointFormatError, match="origin"):
        open_checkpoint(sign_note(TEXT, [OTHER]), OTHER.verifier)
    with pytest.raises(CheckpointFormatError, match="own key"):
        sign_checkpoint(Checkpoint(LOG.name, 0, EMPTY_ROOT), OTHER)


def test_text_may_hold_empty_lines() -> None:
    """The last empty line separates; earlier ones are text."""
    text = "a\n\nb\n"
    assert parse_note(sign_note(text, [LOG])).text == text


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"\n\n", b"text\n", b"text\n\n", SPEC_NOTE[:-1], SPEC_NOTE + b"\n", SPEC_NOTE + b"x\n",
        SPEC_NOTE.replace(b"\n", b"\r\n"), b"\xff" + SPEC_NOTE, b"\x00" + SPEC_NOTE, b"\t" + SPEC_NOTE,
        SPEC_NOTE.replace("— ".encode(), b"- "), SPEC_NOTE.replace("— ".encode(), "—  ".encode()),
        SPEC_NOTE.replace(b"/foo ", b"/f+oo "), SPEC_NOTE.replace(b"/foo ", "/f\u00a0oo ".encode()),
        SPEC_NOTE.replace(b"aQM=", b"aQM"), SPEC_NOTE.replace(b"aQM=", b"aQN="), SPEC_NOTE.replace(b"aQM=", b"aQM= "),
        SPEC_NOTE.replace(b"Uw2Q", b"Uw2Q "), SPEC_NOTE.replace(b"Uw2Q", b"Uw-Q"),
        "text\n\n— name AAAAAA==\n".encode(), "\n— name AAAAAAA=\n".encode(),
        b"t\n\n" + "— n AAAAAAA=\n".encode() * 101, b"x" * 1_000_001,
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(data: bytes) -> None:
    """Missing parts, other line ends, control characters, loose base64 and too much of anything are refused."""
    with pytest.raises(NoteFormatError):
        parse_note(data)


def test_sixteen_signatures_and_more_are_read() -> None:
    """At least 16 signature lines must be accepted (C2SP signed-note); 100 are."""
    lines = tuple(SigningKey(f"k{i}", bytes([i]) * 32).sign(TEXT) for i in range(100))
    assert len(parse_note(Note(TEXT, lines).encode()).signatures) == 100


@pytest.mark.parametrize(
    "vkey",
    [
        "", "a+b", VKEY.replace("530d903a", "530D903A"), VKEY.replace("530d903a", "530d903b"), VKEY[:-1], VKEY + "=",
        VKEY + "\n", "example.com/foo+530d903a+", "a b+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "x+00000000+AukyeRrm56hApGFkyQR4ZCbV54Id2LKa",
        "\udcff+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)  # fmt: skip
def test_what_is_no_verifier_key_is_refused(vkey: str) -> None:
    """Malformed keys, foreign types and ids that do not fit are refused."""
    with pytest.raises(KeyFormatError):
        VerifierKey.parse(vkey)


def test_keys_never_print_their_seed() -> None:
    """A key's repr holds its name only."""
    for key in (LOG, WITNESS):
        assert key.name in repr(key)
        assert "***" in repr(key)
        assert repr(key.seed)[2:-1] not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        "", "a\n", "a\n1\n", f"a\n01\n{'A' * 43}=\n", f"a\n-1\n{'A' * 43}=\n", f"a\n1 \n{'A' * 43}=\n",
        f"a\n+1\n{'A' * 43}=\n", f"a\n١\n{'A' * 43}=\n", f"a\n9223372036854775808\n{'A' * 43}=\n",
        f"\n1\n{'A' * 43}=\n", f"a\n1\n{'A' * 43}\n", f"a\n1\n{'A' * 42}B=\n", f"a\n1\n{'A' * 44}\n",
        f"\udc80\n1\n{'A' * 43}=\n",
        f"a\n1\n{'A' * 43}=", f"a\n1\n{'A' * 43}=\n\nx\n", f"a\r\n1\r\n{'A' * 43}=\r\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Missing lines, loose numbers, loose base64, other lengths and empty extension lines are refused."""
    with pytest.raises(CheckpointFormatError):
        Checkpoint.parse(text)


def test_extension_lines_are_kept() -> None:
    """Opaque extension lines are read and spelled again, for other people's logs."""
    text = f"a\n1\n{'A' * 43}=\nmore\n"
    checkpoint = Checkpoint.parse(text)
    assert checkpoint.extensions == ("more",)
    assert checkpoint.text == text


def test_cosignature_gives_its_time() -> None:
    """A cosignature verifies and says when."""
    line = WITNESS.cosign(TEXT, 1_700_000_000)
    assert verify_cosignature(WITNESS.verifier, TEXT, line) == 1_700_000_000
    note = Note(TEXT, (LOG.sign(TEXT), line, WITNESS.cosign(TEXT, 1_700_000_005)))
    assert cosignature_times(note, WITNESS.verifier) == (1_700_000_000, 1_700_000_005)


def test_backdated_cosignature_is_refused() -> None:
    """The time is signed too: another time breaks the signature."""
    line = WITNESS.cosign(TEXT, 1_700_000_000)
    backdated = Signature(line.name, line.key_id, (1).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(SignatureError):
        verify_cosignature(WITNESS.verifier, TEXT, backdated)


def test_cosignature_of_another_shape_is_refused() -> None:
    """Cut, long and far-future cosignatures are refused, and so is a log's key as a witness's."""
    line = WITNESS.cosign(TEXT, 5)
    for raw in (line.signature[:-1], line.signature + b"x", b"\xff" * 8 + line.signature[8:]):
        with pytest.raises(SignatureError):
            verify_cosignature(WITNESS.verifier, TEXT, Signature(line.name, line.key_id, raw))
    with pytest.raises(KeyFormatError):
        verify_cosignature(LOG.verifier, TEXT, LOG.sign(TEXT))


def test_a_witness_signs_checkpoints_only_and_never_at_time_zero() -> None:
    """Time 0 and texts that are no checkpoint are not cosigned."""
    for time_s in (0, -1, 2**63):
        with pytest.raises(CosignatureFormatError):
            WITNESS.cosign(TEXT, time_s)
    with pytest.raises(CheckpointFormatError):
        WITNESS.cosign("hello\n", 5)


def test_a_logs_signature_is_no_cosignature() -> None:
    """The same key under type 01 and 04 has two ids: neither signature passes for the other."""
    as_log = SigningKey("both.example", b"b" * 32)
    as_witness = CosigningKey("both.example", b"b" * 32)
    assert as_log.verifier.key_id != as_witness.verifier.key_id
    note = Note(TEXT, (as_log.sign(TEXT),))
    with pytest.raises(SignatureError):
        verify_note(note, [as_witness.verifier])


@pytest.mark.parametrize("data", [b"", b"\n", b"x\n", "— w AAAAAAA=\n\n— w AAAAAAA=\n".encode(), b"-\n\n"])
def test_signature_lines_alone_are_read_strictly(data: bytes) -> None:
    """A witness's answer is signature lines and nothing else."""
    with pytest.raises(NoteFormatError):
        parse_signatures(data)
    line = WITNESS.cosign(TEXT, 5)
    assert parse_signatures(line.line.encode()) == (line,)


def test_text_that_no_note_can_carry_is_not_signed() -> None:
    """Control characters, a missing newline and lone surrogates are refused before signing."""
    for text in ("", "x", "a\tb\n", "\ud800\n"):
        with pytest.raises(NoteFormatError):
            LOG.sign(text)


def test_names_and_seeds_are_checked() -> None:
    """A key needs a plain name and 32 bytes of seed."""
    for name, seed in (
        ("", b"s" * 32),
        ("a b", b"s" * 32),
        ("a+b", b"s" * 32),
        ("a", b"s" * 31),
        ("x" * 256, b"s" * 32),
    ):
        for kind in (SigningKey, CosigningKey):
            with pytest.raises(KeyFormatError):
                kind(name, seed)


def test_parse_checkpoint_names_its_own_errors_only() -> None:
    """A note whose text is no checkpoint is a checkpoint error."""
    with pytest.raises(FormatError):
        parse_checkpoint(SPEC_NOTE)
