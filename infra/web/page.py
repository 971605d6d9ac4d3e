"""The status page: one HTML document made from a `Status`, problems on top; it loads no other file."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from infra.status.model import Severity, age_in_words
from infra.status.terminal import (
    UNKNOWN,
    anchor_words,
    dead_letters,
    legend,
    number,
    problem_line,
    totals_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.status.model import Status, TopicStatus

REFRESH_S = 3

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.4rem;margin:0}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}
th{font-weight:600}pre{background:#8881;padding:.8rem;overflow:auto;border-radius:.4rem}
.badge{background:#b58900;color:#fff;border-radius:.3rem;padding:0 .4rem;font-size:.75rem}
.red,.yellow,.well{border-left:4px solid;padding:.4rem .8rem;margin:.5rem 0}
.red{background:#dc322f22;border-color:#dc322f}.yellow{background:#b5890022;border-color:#b58900}
.well{background:#85990022;border-color:#859900}small{opacity:.75}
"""


def render(status: Status, links: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        status: The status to show.
        links: Links of the page, text → URL.
    """
    problems = "".join(
        f"<div class={'red' if p.severity is Severity.RED else 'yellow'}>"
        f"{escape(problem_line(p, status.time))}</div>"
        for p in status.problems
    )
    lags = status.lags
    behind = UNKNOWN if lags is None else ", ".join(f"{escape(group)} {lag:,}" for group, lag in lags.items())
    where = " · ".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links.items())
    at = datetime.fromtimestamp(status.time, UTC)
    blocks = UNKNOWN if status.blocks is None else f"{status.blocks:,}"
    mark = f"({len(status.red)}) " if status.red else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content={REFRESH_S}>"
        f"<meta name=viewport content='width=device-width'><title>{mark}{escape(status.city)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(status.city)}</h1>"
        f"<small>{at:%Y-%m-%d %H:%M:%S} UTC · {where}</small>"
        f"{problems or '<div class=well>all parts well</div>'}"
        f"<p><b>{escape(totals_line(status))}</b></p>"
        "<table><thead><tr><th>topic<th>records<th>events<th>rows<th>open dead letters"
        f"<th>sealed<th>lag<th>data age</tr></thead><tbody>{''.join(map(_row, status.topics))}</tbody></table>"
        f"<p><small>{escape(' '.join(legend(status)))}</small></p>"
        f"<p>Not committed yet: {behind}</p>"
        f"<p>City log: {blocks} blocks, newest checkpoint {age_in_words(status.checkpoint_age_s)} old.</p>"
        f"<p>Anchors: {escape(anchor_words(status))}.</p>"
        f"<pre>{escape(status.checkpoint or 'no checkpoint')}</pre></html>"
    )


def _row(t: TopicStatus) -> str:
    held = f" <span class=badge>{t.held_back:,} held back</span>" if t.held_back else ""
    future = f" <span class=badge>{t.future:,} in the future</span>" if t.future else ""
    simulated = " <span class=badge>simulated</span>" if t.simulated else ""
    age = UNKNOWN if t.rows is None else age_in_words(t.age_s)
    sealed = "–" if t.kind == "platform" and t.sealed is None else number(t.sealed)
    return (
        f"<tr><td>{escape(t.topic)}{simulated}</td><td>{number(t.records)}{held}</td><td>{number(t.events)}</td>"
        f"<td>{number(t.rows)}</td><td>{dead_letters(t)}</td>"
        f"<td>{sealed}</td><td>{number(t.lag)}</td><td>{age}{future}</td></tr>"
    )
