"""What the city sees: boards as code, from the catalogue to Grafana's JSON. Pure but for `push`."""
