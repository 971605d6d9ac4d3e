"""Programs that are one side of a row each; every one runs in a process of its own."""
