"""The ledger: how events become evidence. Leaf → log → checkpoint → block → witness → proof → verifier."""
