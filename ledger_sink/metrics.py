"""Every metric of the ledger: its name, meaning, unit, and what to do when it is high.

The ledger measures and calls an `Emit` callable that its caller passes in. The caller decides where values go
(topic, board, Prometheus).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

Metric = Literal[
    # Leaves made durable since the last report, per topic. Unit: leaves. Zero with lag: see log_stopped.
    "ledger_sealed_leaves",
    # Size of a partition log (label origin) as committed. Unit: leaves.
    "ledger_log_size",
    # Duration of one group commit: bundles, tiles, states of all logs. Unit: seconds. High: slow fsyncs.
    "ledger_commit_seconds",
    # Checkpoint interval in force. Unit: seconds. Above 1: commits take long, the interval adapts.
    "ledger_checkpoint_interval_seconds",
    # 1 for a stopped log (labels topic, partition, reason), 0 when it opens. 1: act on the reason.
    "ledger_log_stopped",
    # 1 while the city log waits for the clock, else 0. 1: `waiting.txt` says why and until when.
    "ledger_clock_waiting",
    # 1 for a full file of the ledger that was changed (label file), 0 when it is right again. 1: put it back.
    "ledger_file_changed",
    # 1 while the signer does not answer, else 0. 1 for long: start the signer. Sealing goes on.
    "ledger_signer_down",
    # Blocks in the city log. Unit: blocks.
    "ledger_city_blocks",
    # Age of the oldest block that no quorum of witnesses has cosigned. Unit: seconds. Above 60: check the witnesses.
    "ledger_quorum_lag_seconds",
    # 1 while a witness (label witness) does not cosign, else 0.
    "ledger_witness_down",
    # Time since the city log outgrew its newest checkpoint with a receipt of an anchor (label anchor), 0 while it
    # has not. Unit: seconds. Above a few of its intervals: see ledger_anchor_down, its log lines, the audit.
    "ledger_anchor_lag_seconds",
    # 1 while an anchor (label anchor) does not answer as it should, else 0. 1 for long: check the service.
    "ledger_anchor_down",
    # Newest record: time from its Kafka timestamp to its published partition checkpoint. Unit: milliseconds.
    "ledger_seal_latency_ms",
]

Emit = Callable[[Metric, float, Mapping[str, str]], None]
"""Takes a metric's name, value and labels."""


def no_emit(name: str, value: float, labels: Mapping[str, str]) -> None:
    """Discard a measurement."""
    del name, value, labels
