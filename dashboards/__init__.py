"""Makes Grafana boards from the catalogue, as JSON. Pure except for `push`."""
