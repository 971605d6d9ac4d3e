"""`anchors.toml`: a public chain is one setting away, and without any setting nothing leaves the machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.layer_configs import anchor_settings
from infra.settings import Settings
from infra.web.ledger_files import kind_of
from ledger_sink.anchor.config import connect, load_anchors, receipt_name
from ledger_sink.config import EvmSettings, FileSettings, TimestampSettings
from ledger_sink.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_default_is_a_file_and_no_network(tmp_path: Path) -> None:
    """Nothing is sent anywhere that nobody asked for."""
    (only,) = anchor_settings(Settings(data=tmp_path))
    assert only == FileSettings(tmp_path / "anchors" / "checkpoints.txt")


def test_a_chain_is_one_setting_away(tmp_path: Path) -> None:
    """One line in the data directory's anchors.toml."""
    line = 'evm = {rpc = "http://127.0.0.1:8545", chain_id = 1, key_file = "evm.key"}\n'
    (tmp_path / "anchors.toml").write_text(line)
    (only,) = anchor_settings(Settings(data=tmp_path))
    assert only == EvmSettings("http://127.0.0.1:8545", 1, tmp_path / "evm.key")
    assert receipt_name(only) == "evm.evm"


def test_all_kinds_are_read(tmp_path: Path) -> None:
    """Several authorities, a file, a chain; paths are relative to the file; CITY_ANCHORS names it."""
    named = tmp_path / "mine.toml"
    named.write_text(
        '[file]\npath = "usb/lines.txt"\ninterval_s = 5\n'
        '[[tsa]]\nname = "a"\nurl = "https://a.example/tsr"\nroots = "a.pem"\n'
        '[[tsa]]\nname = "b"\nurl = "https://b.example/tsr"\nroots = "/etc/b.pem"\ninterval_s = 30\n'
        '[evm]\nrpc = "http://127.0.0.1:8545"\nchain_id = 31337\nkey_file = "k"\nconfirmations = 3\n'
    )
    found = anchor_settings(replace(Settings(data=tmp_path / "data"), anchors=str(named)))
    assert [type(each) for each in found] == [FileSettings, TimestampSettings, TimestampSettings, EvmSettings]
    assert [receipt_name(each) for each in found] == ["file.line", "a.tsr", "b.tsr", "evm.evm"]
    assert (found[0].interval_s, found[2].interval_s) == (5, 30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ots = 1", "expected file, tsa or evm"),
        ("[tsa]\nurl = 'x'", "roots"),
        ("[file]\ninterval_s = 0", "1.0 or more"),
        ("[file]\ninterval_s = '60'", "expected int or float"),
        ("[file]\nspeed = 3", "speed"),
        ("[evm]\nrpc = 'http://x'\nchain_id = true\nkey_file = 'k'", "chain_id"),
        ("[[file]]\n[[file]]", "each once"),
        ("[file]\nname = 'A b'", "each once"),
        ("[file", "Expected"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """The message names the file and the rule."""
    path = tmp_path / "anchors.toml"
    path.write_text(text)
    with pytest.raises(SetupError, match=r"anchors\.toml") as caught:
        load_anchors(path)
    assert words in str(caught.value)


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A typing error must not silently leave a city without its anchors."""
    with pytest.raises(SetupError, match=r"gone\.toml"):
        anchor_settings(replace(Settings(data=tmp_path), anchors=str(tmp_path / "gone.toml")))


def test_missing_roots_and_keys_are_told_at_the_start(tmp_path: Path) -> None:
    """The process does not start half anchored."""
    with pytest.raises(SetupError, match="put the authority's root there"):
        connect(TimestampSettings("a", "http://127.0.0.1:1/", tmp_path / "a.pem"))
    with pytest.raises(SetupError, match="put the paying account's key there"):
        connect(EvmSettings("http://127.0.0.1:1/", 1, tmp_path / "k"))


@pytest.mark.parametrize(
    "name", ["checkpoint.txt", "job.txt", "tsa-a.tsr", "evm.evm", "file.line", "w.cosig"]
)
def test_receipts_are_public_and_tickets_are_not(name: str, tmp_path: Path) -> None:
    """The ledger's web folder serves what proves something."""
    assert kind_of(tmp_path, f"city/1/anchors/0/12/{name}")
    for hidden in ("evm.pending", f"{name}.tmp", f"../{name}", "anchors-lock"):
        assert kind_of(tmp_path, f"city/1/anchors/0/12/{hidden}") is None
