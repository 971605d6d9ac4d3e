"""`policy.txt`: whom the city log answers to, as a C2SP tlog-policy file.

The ledger writes a first one, from the city log's key and the witnesses it was told of, asking each for its
key. From then on the file is the operator's: witnesses and quorum are changed there and nowhere else. Only
the address of a witness follows what the ledger is told, if the witness there shows the same key.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger_sink.errors import MissingFileError, SetupError, WitnessUnavailableError
from ledger_sink.format.errors import FormatError
from ledger_sink.format.layout import POLICY
from ledger_sink.format.note import VerifierKey
from ledger_sink.format.policy import Policy, PolicyGroup, PolicyLog, PolicyWitness
from ledger_sink.http.client import HttpClient
from ledger_sink.witness.server import VKEY_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.store import Store

TIMEOUT_S = 3.0


def read_policy(store: Store) -> Policy | None:
    """Return the policy on file, or None.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        return Policy.parse(store.read(POLICY))
    except MissingFileError:
        return None
    except FormatError as error:
        raise SetupError(f"{POLICY}: {error}; correct the file") from error


def city_policy(store: Store, city_key: VerifierKey, urls: Sequence[str], quorum: int | None) -> Policy:
    """Return the policy on file; write a first one if there is none.

    Args:
        store: the ledger's files.
        city_key: the city log's verifier key.
        urls: witnesses for a first policy.
        quorum: how many of them must cosign; None: more than half.

    Raises:
        WitnessUnavailableError: a first policy is due and a witness does not tell its key.
        SetupError: the policy does not know the city log's key.
    """
    policy = read_policy(store)
    if policy is None:
        policy = _first_policy(city_key, urls, quorum)
        store.write({POLICY: policy.encode()})
    elif (moved := _moved(policy, urls)) != policy:
        policy = moved
        store.write({POLICY: policy.encode()})
    if city_key not in policy.log_keys(city_key.name):
        raise SetupError(f"{POLICY}: expected the line: log {city_key.vkey}")
    return policy


def _first_policy(city_key: VerifierKey, urls: Sequence[str], quorum: int | None) -> Policy:
    witnesses = tuple(
        PolicyWitness(f"w{number}", _key_of(url), url) for number, url in enumerate(urls, start=1)
    )
    logs = (PolicyLog(city_key),)
    if not witnesses:
        return Policy(logs, (), (), None)
    threshold = len(witnesses) // 2 + 1 if quorum is None else quorum
    if not 1 <= threshold <= len(witnesses):
        raise SetupError(f"quorum: expected 1 to {len(witnesses)} of the witnesses, got {threshold}")
    group = PolicyGroup("witnesses", threshold, tuple(w.name for w in witnesses))
    return Policy(logs, witnesses, (group,), group.name)


def _moved(policy: Policy, urls: Sequence[str]) -> Policy:
    """Return the policy with the addresses of witnesses that were told to us: keys and quorum stay."""
    known = {witness.url for witness in policy.witnesses}
    addresses: dict[VerifierKey, str] = {}
    for url in urls:
        if url not in known:
            with contextlib.suppress(WitnessUnavailableError):  # it may come later, where the file says
                addresses[_key_of(url)] = url
    witnesses = tuple(replace(w, url=addresses.get(w.key, w.url)) for w in policy.witnesses)
    return replace(policy, witnesses=witnesses)


def _key_of(url: str) -> VerifierKey:
    status, body = HttpClient(url, timeout_s=TIMEOUT_S, unavailable=WitnessUnavailableError).call(
        "GET", f"/{VKEY_PATH}"
    )
    try:
        if status == 200:
            return VerifierKey.parse(body.decode("utf-8", "replace").removesuffix("\n"))
    except FormatError as error:
        raise WitnessUnavailableError(f"{url}/{VKEY_PATH}: {error}") from error
    raise WitnessUnavailableError(
        f"{url}/{VKEY_PATH}: expected the witness's key, got status {status}; write {POLICY} by hand"
    )
