"""The status page: one HTML document made from a `Status`; it loads no other file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from infra.status.reader import age_in_words
from infra.status.terminal import anchor_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.status.reader import Status

REFRESH_S = 3

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.4rem;margin:0}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}
th{font-weight:600}pre{background:#8881;padding:.8rem;overflow:auto;border-radius:.4rem}
.badge{background:#b58900;color:#fff;border-radius:.3rem;padding:0 .4rem;font-size:.75rem}
.note{background:#dc322f22;border-left:4px solid #dc322f;padding:.4rem .8rem;margin:.5rem 0}small{opacity:.75}
"""


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def render(status: Status, links: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        status: The status to show.
        links: Links of the page, text → URL.
    """
    rows = "".join(
        f"<tr><td>{escape(t.topic)}{' <span class=badge>simulated</span>' if t.simulated else ''}</td>"
        f"<td>{_number(t.records)}</td><td>{_number(t.events)}</td><td>{_number(t.rows)}</td>"
        f"<td>{t.dead_letters}</td><td>{_number(t.sealed)}</td><td>{_number(t.lag)}</td>"
        f"<td>{age_in_words(t.age_s)}</td></tr>"
        for t in status.topics
    )
    lags = ", ".join(f"{escape(group)} {lag:,}" for group, lag in status.lags.items()) or "–"
    notes = "".join(f"<div class=note>{escape(note)}</div>" for note in status.notes)
    where = " · ".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links.items())
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content={REFRESH_S}>"
        f"<meta name=viewport content='width=device-width'><title>{escape(status.city)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(status.city)}</h1><small>{where}</small>{notes}"
        "<table><thead><tr><th>topic<th>records<th>events<th>rows<th>dead letters"
        f"<th>sealed<th>lag<th>data age</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>Not committed yet: {lags}</p>"
        f"<p>City log: {status.blocks:,} blocks, "
        f"newest checkpoint {age_in_words(status.checkpoint_age_s)} old.</p>"
        f"<p>Anchors: {escape(anchor_words(status))}.</p>"
        f"<pre>{escape(status.checkpoint or 'no checkpoint yet')}</pre></html>"
    )
