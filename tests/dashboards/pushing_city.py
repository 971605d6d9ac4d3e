"""A city that pushes its boards to the strict stub of Grafana, as `city dashboards push` does."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dashboards.build import boards
from dashboards.datasource import ClickHouseAddress
from dashboards.errors import PushError
from dashboards.push.run import push
from infra.grafana.address import parse
from infra.grafana.client import connect
from infra.grafana.credentials import Credentials
from infra.grafana.push_report import report
from schemas.catalog import load_catalog
from tests.dashboards.grafana_server import serve
from tests.dashboards.grafana_stub import Grafana

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "geheim und lang"
BASIC = f"Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}"
CLICKHOUSE = ClickHouseAddress("http://127.0.0.1:18123", "board", "clickhouse-geheim")
FIRST = "city-overview"
CATALOG = load_catalog()
UIDS = list(boards(CATALOG))


class City:
    """A city that pushes to a Grafana."""

    def __init__(self, grafana: Grafana, port: int) -> None:
        self.grafana = grafana
        self.url = f"http://127.0.0.1:{port}"

    def push(
        self,
        clickhouse: ClickHouseAddress | None = CLICKHOUSE,
        *,
        keep_permissions: bool = False,
        dry_run: bool = False,
    ) -> list[str]:
        """Push, and return the lines that are printed; what was sent before is forgotten."""
        self.grafana.changes.clear()
        there = connect(parse(self.url), Credentials(BASIC, (PASSWORD, BASIC)), (CLICKHOUSE.password,))
        steps = push(there, CATALOG, clickhouse, keep_permissions=keep_permissions, dry_run=dry_run)
        return list(report(there, steps, dry_run=dry_run))

    def refused(self) -> str:
        """Push, and return the one line of the error."""
        with pytest.raises(PushError) as error:
            self.push()
        line = str(error.value)
        assert "\n" not in line
        assert line.isprintable()
        assert len(line) < 600
        assert "geheim" not in line
        assert BASIC[6:] not in line
        return line


@contextmanager
def pushing_city() -> Iterator[City]:
    """Serve an empty Grafana with the plug-in; whatever is asked of it must be in its document."""
    grafana = Grafana({BASIC})
    server = serve(grafana)
    yield City(grafana, server.server_address[1])
    server.shutdown()
    server.server_close()
    assert not grafana.faults
