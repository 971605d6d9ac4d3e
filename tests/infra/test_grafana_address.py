"""Address and credentials of `city dashboards push`: what is taken, what is refused; no secret is shown."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

from infra.errors import SettingsError
from infra.grafana import credentials
from infra.grafana.address import parse
from infra.grafana.credentials import MOST_BYTES, read

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "geheim"


@pytest.mark.parametrize(
    ("url", "shown", "user"),
    [
        ("http://admin@127.0.0.1:3000", "http://127.0.0.1:3000/", "admin"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/", None),
        ("https://grafana.example", "https://grafana.example/", None),
        ("HTTPS://Grafana.Example", "https://grafana.example/", None),
        ("http://[::1]:3000", "http://[::1]:3000/", None),
        ("http://a%40b.example@[2001:db8::1]", "http://[2001:db8::1]/", "a@b.example"),
        ("https://example.org/monitoring//grafana", "https://example.org/monitoring/grafana/", None),
        ("http://a@b.example@host:3000", "http://host:3000/", "a@b.example"),
        ("http://grafana_1:3000", "http://grafana_1:3000/", None),
        ("http://admin@host.:65535", "http://host.:65535/", "admin"),
    ],
)
def test_an_address_is_read(url: str, shown: str, user: str | None) -> None:
    """Name, IPv4, IPv6, with and without port, below a path; "None" is no port."""
    address = parse(url)
    assert str(address) == shown
    assert address.user == user


@pytest.mark.parametrize(
    "url",
    [
        f"http://admin:{SECRET}@host:3000",
        f"http://:{SECRET}@host:3000",
        "http://admin:@host:3000",
        f"admin:{SECRET}@host:3000",
        f"//admin:{SECRET}@host:3000",
        f"http://admin:{SECRET}/more@host:3000",
        f"http://admin:{SECRET}#more@host:3000",
        f"http://admin:{SECRET}?more@host:3000",
        f"http://admin:12/{SECRET}@host:3000",
        f"http://admin:12/{SECRET}%40host:3000",
        f"http://admin%3A{SECRET}@host:3000",
        f"http://admin:{SECRET}@",
        f"http://a@b:{SECRET}@host:3000",
        f"http://glsa_{SECRET}@host:3000",
        f"http://eyJr{SECRET}@host:3000",
        f"http://host:3000/?auth_token={SECRET}",
        f"http://host:3000/%3Fapi_key={SECRET}",
        f"http://[admin:{SECRET}@host",
    ],
)
def test_a_secret_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    """Every user of the machine could read it; the line names the options in its place."""
    with pytest.raises(SettingsError) as error:
        parse(url)
    line = str(error.value)
    assert SECRET not in line
    assert "--password-file FILE" in line
    assert "--token-file FILE" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begins with http"),
        ("host:3000", "begins with http"),
        ("127.0.0.1:3000", "begins with http"),
        ("ftp://host", "begins with http"),
        ("http:/host", "begins with http"),
        ("http://", "begins with http"),
        ("http://:3000", "host or port"),
        ("http://host:port", "host or port"),
        ("http://host:0", "host or port"),
        ("http://host:65536", "host or port"),
        ("http://::1:3000", "host or port"),
        ("http://[::1", "IPv6 as [::1]"),
        ("http://[fe80::1%eth0]", "host or port"),
        ("http://[127.0.0.1]:3000", "IPv6 as [::1]"),
        ("http://-host", "host or port"),
        ("http://ho st", "white space"),
        ("http://host\n:3000", "white space"),
        ("http://host\x1b[31m", "white space"),
        (f"http://{'a' * 3000}", "2048"),
        (f"http://{'a' * 300}", "host or port"),
        ("http://host?orgId=1", "ends before ?"),
        ("http://host/?", "ends before ?"),
        ("http://host/#x", "ends before ?"),
        ("http://host:3000/d/city-overview/overview", "ends before /d"),
        ("http://host:3000/grafana/login", "ends before /login"),
        ("http://host:3000/api", "ends before /api"),
        ("http://host:3000/../x", "path"),
        ("http://host:3000/%2e%2e", "path"),
    ],
)
def test_what_is_no_address_is_one_line(url: str, words: str) -> None:
    """It says what is wrong and what is expected."""
    with pytest.raises(SettingsError) as error:
        parse(url)
    assert words in str(error.value)
    assert str(error.value).isprintable()


WITH_USER, WITHOUT = parse("http://admin@host"), parse("http://host")


def test_a_password_and_a_token_come_from_files(tmp_path: Path) -> None:
    """White space around them is no part of them; a password may hold any letters."""
    file = tmp_path / "secret"
    file.write_text("  pass wört: \r\n")
    assert read(WITH_USER, str(file), None).authorization == "Basic YWRtaW46cGFzcyB3w7ZydDo="
    file.write_text("glsa_abc\n")
    assert read(WITHOUT, None, str(file)).authorization == "Bearer glsa_abc"
    assert "glsa_abc" not in repr(read(WITHOUT, None, str(file)))


def test_standard_input_is_read_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` for the file; an endless one ends."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"glsa_abc\n")))
    assert read(WITHOUT, None, "-").authorization == "Bearer glsa_abc"
    with pytest.raises(SettingsError, match=f"longer than {MOST_BYTES} bytes"):
        read(WITHOUT, None, "/dev/zero")


def test_who_types_a_password_does_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` on a terminal asks without an echo."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(credentials, "getpass", lambda prompt: f"{prompt == 'Password for Grafana: '}")
    assert read(WITH_USER, "-", None).secrets[0] == "True"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"geheim\ngeheim\n", "more than one line"),
        (b"geheim\x00", "control characters"),
        (b"geheim\x1b[0m", "control characters"),
        ("geheim\u2028geheim".encode(), "more than one line"),
        (b"geheim\xff", "not UTF-8"),
        (b"geheim" * 1000, "longer than"),
    ],
)
@pytest.mark.parametrize("option", ["password", "token"])
def test_a_file_without_one_line_is_refused_without_its_content(
    tmp_path: Path, content: bytes, words: str, option: str
) -> None:
    """Of both options."""
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=words) as error:
        read(WITH_USER, str(file), None) if option == "password" else read(WITHOUT, None, str(file))
    assert "geheim" not in str(error.value)
    assert str(error.value).startswith(f"--{option}-file: ")


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """None, both, a token with a user, a password without one, a token that is none."""
    file = tmp_path / "file"
    file.write_text("two words")
    for address, password, token, words in (
        (WITH_USER, None, None, "missing"),
        (WITHOUT, None, None, "missing"),
        (WITH_USER, str(file), str(file), "not both"),
        (WITH_USER, None, str(file), "needs no user"),
        (WITHOUT, str(file), None, "user of the password is missing"),
        (WITHOUT, None, str(file), "neither spaces"),
    ):
        with pytest.raises(SettingsError, match=words):
            read(address, password, token)


def test_a_file_that_is_not_there_or_a_folder_names_itself(tmp_path: Path) -> None:
    """The command makes one line of it."""
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match=os.fspath(place)):
            read(WITH_USER, str(place), None)
