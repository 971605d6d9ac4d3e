"""Serve from the command line: `python -m infra.clickhouse.server PATH`."""

from __future__ import annotations

import argparse
from pathlib import Path

from infra.clickhouse.server.auth import make_user
from infra.clickhouse.server.config import ServerConfig
from infra.clickhouse.server.embedded import serve


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="infra.clickhouse.server", description="ClickHouse's engine behind its HTTP interface"
    )
    parser.add_argument("path", type=Path, help="data directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=18123)
    parser.add_argument("--user", default="city")
    parser.add_argument(
        "--password-file", type=Path, help="file whose first line is the password (none: no password)"
    )
    parser.add_argument(
        "--board-password-file",
        type=Path,
        help="the same for the user `board`, who may only read (none: no such user)",
    )
    parser.add_argument("--required", action="store_true", help="refuse to start unconfined")
    parser.add_argument("--state", type=Path, help="file for the state of the confinement")
    given = parser.parse_args(arguments)
    users = [make_user(given.user, _password(parser, given.password_file), "platform")]
    if given.board_password_file:
        users.append(make_user("board", _password(parser, given.board_password_file), "boards"))
    config = ServerConfig(path=given.path.resolve(), host=given.host, port=given.port, users=tuple(users))
    serve(config, required=given.required, state=given.state)


def _password(parser: argparse.ArgumentParser, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--password-file {path}: {error}")


if __name__ == "__main__":
    main()
