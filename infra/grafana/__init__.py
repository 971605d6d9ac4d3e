"""Grafana beside the stack: found on the machine, provisioned with our data source and boards."""
