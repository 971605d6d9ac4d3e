"""`city demo`: the platform's promise as a story of real commands, each judged by what came out."""
