"""Grafana beside the stack: found on the machine, provisioned with the stack's data source and boards."""
