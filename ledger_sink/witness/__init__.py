"""Witnesses: the process, its client, and the policy that names them."""
