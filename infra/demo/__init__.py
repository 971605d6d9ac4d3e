"""`city demo`: a walkthrough by real commands, each checked by its output."""
