"""The steps of a push, in order. Each is read just before it is sent, so a push that is cut off is pushed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.build import boards
from dashboards.datasource import datasource
from dashboards.push.board import board_step
from dashboards.push.folder import folder_step, permissions_step
from dashboards.push.grafana import require_plugin
from dashboards.push.source import source_step
from dashboards.push.step import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.datasource import ClickHouseAddress
    from dashboards.push.grafana import Grafana
    from dashboards.push.step import Step
    from schemas.catalog import Catalog


def push(
    grafana: Grafana,
    catalog: Catalog,
    address: ClickHouseAddress | None,
    *,
    keep_permissions: bool = False,
    dry_run: bool = False,
) -> Iterator[Step]:
    """Bring Grafana to the boards of a catalogue, and yield each step as it ended.

    Args:
        grafana: The Grafana.
        catalog: Topics and schemas of the boards.
        address: ClickHouse for the data source. None leaves the data source as it is.
        keep_permissions: Leave the folder's permissions as they are.
        dry_run: Send nothing that changes anything.

    Raises:
        PushError: Grafana does not answer or refuses. What was yielded is done.
    """
    for step in _steps(grafana, catalog, address, keep_permissions=keep_permissions, dry_run=dry_run):
        yield step if dry_run or step.send is None else step.send()


def _steps(
    grafana: Grafana,
    catalog: Catalog,
    address: ClickHouseAddress | None,
    *,
    keep_permissions: bool,
    dry_run: bool,
) -> Iterator[Step]:
    require_plugin(grafana)
    folder = folder_step(grafana)
    yield folder
    if not keep_permissions:
        yield permissions_step(grafana, folder_is_there=not dry_run or folder.state is not State.CREATED)
    if address:
        yield source_step(grafana, datasource(address))
    for board in boards(catalog).values():
        yield board_step(grafana, board)
