"""eth-account's `Account`, imported here alone and without what its import does to the whole process.

One of its dependencies raises Python's recursion limit to 100,000. With that, a deeply nested JSON text, from whoever
sends one, overflows the stack of the process instead of being refused: the limit is put back.
"""

from __future__ import annotations

import sys

_limit = sys.getrecursionlimit()
try:
    from eth_account import Account
finally:
    sys.setrecursionlimit(_limit)

__all__ = ["Account"]
