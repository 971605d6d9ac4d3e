"""eth-account's `Account`, imported without the side effect of its import on the process.

A dependency of eth-account raises Python's recursion limit to 100,000. With that limit, a deeply nested JSON text
overflows the stack of the process instead of being refused. This module, the only one to import eth-account, restores
the limit.
"""

from __future__ import annotations

import sys

_limit = sys.getrecursionlimit()
try:
    from eth_account import Account
finally:
    sys.setrecursionlimit(_limit)

__all__ = ["Account"]
