"""Draws boards in a terminal: the same panels, queries, units and colours as in Grafana. Pure."""
