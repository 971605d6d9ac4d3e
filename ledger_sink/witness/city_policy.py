"""`policy.txt`: the city log's key, its witnesses and their quorum, as a C2SP tlog-policy file.

The ledger writes a first policy from the city log's key and the configured witnesses. It asks each witness for its
key. From then on the file is the operator's: witnesses and quorum change there and nowhere else. Only the address of a
witness follows the configuration, if the witness at the new address has the same key.
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
from ledger_sink.format.witness_request import VKEY_PATH
from ledger_sink.http.client import HttpClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger_sink.store import Store

TIMEOUT_S = 3.0


def read_policy(store: Store) -> Policy | None:
    """Return the policy on disk, or None if there is none.

    Raises:
        SetupError: the file is malformed.
    """
    try:
        return Policy.parse(store.read(POLICY))
    except MissingFileError:
        return None
    except FormatError as error:
        raise SetupError(f"{POLICY}: {error}; correct the file") from error


def city_policy(store: Store, city_key: VerifierKey, urls: Sequence[str], quorum: int | None) -> Policy:
    """Return the policy on disk; write a first one if there is none, and moved addresses.

    Args:
        store: the ledger's files.
        city_key: the city log's verifier key.
        urls: base URLs of the configured witnesses.
        quorum: number of them that must cosign, in a first policy; None: more than half.

    Raises:
        WitnessUnavailableError: a first policy is due and a witness does not return its key.
        SetupError: the policy is malformed or lacks the city log's key, or the quorum exceeds the witnesses.
    """
    policy = read_policy(store)
    if policy is None:
        policy = _read_back(_first_policy(city_key, urls, quorum))
        store.write({POLICY: policy.encode()})
    elif (moved := _moved(policy, urls)) != policy:
        policy = _read_back(moved)
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


def _read_back(policy: Policy) -> Policy:
    """Return the policy as its file will be read.

    Raises:
        SetupError: no reader would accept the file, such as for two witnesses with one key.
    """
    try:
        return Policy.parse(policy.encode())
    except FormatError as error:
        raise SetupError(f"{POLICY} is not written: {error}; change the configured witnesses") from error


def _moved(policy: Policy, urls: Sequence[str]) -> Policy:
    """Return the policy with the configured addresses of its witnesses; keys and quorum stay."""
    known = {witness.url for witness in policy.witnesses}
    addresses: dict[VerifierKey, str] = {}
    for url in urls:
        if url not in known:
            with contextlib.suppress(
                WitnessUnavailableError
            ):  # a witness that does not answer keeps its address in the file
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
