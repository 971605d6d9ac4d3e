"""The data source in Grafana. It is found and replaced by its uid: numeric ids are off from Grafana 13 on.

Grafana never returns a password. So it is sent with every push, and that may be all that is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboards.errors import PushError
from dashboards.push.difference import difference
from dashboards.push.grafana import PROVISIONED
from dashboards.push.step import State, Step
from dashboards.style import DATASOURCE_UID

if TYPE_CHECKING:
    from dashboards.push.grafana import Grafana

_WHAT = f"data source {DATASOURCE_UID}"
_AGAIN = "its password is sent again, because Grafana never returns it"
_SECRET = "secureJsonData"  # noqa: S105 - the name of the member


def source_step(grafana: Grafana, wanted: dict[str, Any]) -> Step:
    """Return what becomes of the data source.

    Args:
        grafana: The Grafana.
        wanted: The data source. Whether it is the default one is decided in Grafana: a push takes that from no other.

    Raises:
        PushError: It comes from a file and differs.
    """
    source = grafana.api.datasource
    current = grafana.find(f"read the {_WHAT}", lambda: source.get_datasource_by_uid(DATASOURCE_UID))
    body = {**wanted, "isDefault": bool(current and current.get("isDefault"))}
    if current is None:
        created = Step(_WHAT, State.CREATED)

        def create() -> Step:
            grafana.ask(f"create the {_WHAT}", lambda: source.create_datasource(body))
            return created

        return replace(created, send=create)
    after = {name: value for name, value in body.items() if name != _SECRET}
    before = {name: current.get(name) for name in after}
    same = before == after
    if current.get("readOnly"):
        return _provisioned(grafana, same=same)
    step = Step(
        _WHAT,
        State.UNCHANGED if same else State.CHANGED,
        _AGAIN,
        () if same else difference(before, after),
    )

    def send() -> Step:
        grafana.ask(f"change the {_WHAT}", lambda: source.update_datasource_by_uid(DATASOURCE_UID, body))
        return step

    return replace(step, send=send)


def _provisioned(grafana: Grafana, *, same: bool) -> Step:
    if same:
        return Step(_WHAT, State.UNCHANGED, f"its password is not sent: {PROVISIONED}")
    raise PushError(f"{grafana.address}: the {_WHAT} differs: {PROVISIONED}; --keep-datasource leaves it")
