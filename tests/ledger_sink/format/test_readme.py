"""What README and FORMAT.md say is what the code does."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ledger_sink
from ledger_sink import format as public
from ledger_sink.verifier.cli import main

FOLDER = Path(ledger_sink.__file__).parent
README = (FOLDER / "README.md").read_text()


def test_the_readmes_example_runs() -> None:
    """The example is a program that a newcomer can paste, and it prints what it says."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3\n"


def test_every_option_of_the_command_is_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option that the README shows is one that `ledger-verify --help` explains."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    (section,) = re.findall(r"^## The auditor's tool.*?(?=^## )", README, re.DOTALL | re.MULTILINE)
    options = set(re.findall(r"--[a-z][a-z-]+", section))
    assert len(options) > 10
    for option in options:
        assert option in printed, option


def test_the_public_interface_names_what_it_has() -> None:
    """Everything in `__all__` is there, and it is sorted."""
    assert all(hasattr(public, name) for name in public.__all__)
    assert len(set(public.__all__)) == len(public.__all__)


def test_the_format_imports_nothing_but_cryptography() -> None:
    """Format, receipts and verifier use the standard library, `cryptography` and what is below them only."""
    known = {"ledger_sink", "cryptography"} | sys.stdlib_module_names
    below = {
        "format": {"format"},
        "bounded_http": {"bounded_http"},
        "receipt": {"format", "receipt"},
        "verifier": {"bounded_http", "format", "receipt", "verifier"},
    }
    for folder, ours in below.items():
        allowed = known | ({"rfc3161_client", "Crypto"} if folder == "receipt" else set())
        for path in FOLDER.glob(f"{folder}/*.py"):
            names = {name for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)}
            assert {name.partition(".")[0] for name in names} <= allowed, path
            assert {n.split(".")[1] for n in names if n.startswith("ledger_sink.")} <= ours, path
    assert (FOLDER / "__init__.py").read_text().count("import") == 0


def imported(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
