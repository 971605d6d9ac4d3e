"""Bring a running Grafana to the boards of the catalogue through its HTTP API: folder, data source, boards."""
