"""What `city dashboards push` prints: a line for each thing, the difference in a dry run, a summary."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dashboards.push.grafana import require_grafana
from dashboards.push.step import summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dashboards.push.grafana import Grafana
    from dashboards.push.step import Step
    from infra.grafana.address import GrafanaAddress


def report(grafana: Grafana, steps: Iterable[Step], *, dry_run: bool) -> Iterator[str]:
    """Yield the lines of a push as its steps end.

    Args:
        grafana: The Grafana; it is asked first whether it is one.
        steps: The steps.
        dry_run: Nothing is sent; differences are shown.

    Raises:
        PushError: Grafana does not answer or refuses.
    """
    version = require_grafana(grafana)
    ended = []
    for step in steps:
        ended.append(step)
        yield step.line(dry_run=dry_run)
        if dry_run:
            yield from (f"    {line}" for line in step.difference)
    place = f"Grafana {version} at {grafana.address}" if version else f"Grafana at {grafana.address}"
    yield f"{place}: {summary(ended)}{'; nothing was sent (--dry-run)' if dry_run else ''}"


def reach(address: GrafanaAddress, clickhouse_url: str) -> str | None:
    """Return a line if Grafana is elsewhere and the data source names this machine's loopback; else None."""
    try:
        is_loopback = ip_address(urlsplit(clickhouse_url).hostname or "").is_loopback
    except ValueError:
        return None
    if address.is_loopback or not is_loopback:
        return None
    return (
        f"note: the data source names ClickHouse at {clickhouse_url}, which only a Grafana on this machine reaches "
        "(CITY_CLICKHOUSE names one that others reach; --keep-datasource leaves Grafana's own)"
    )
