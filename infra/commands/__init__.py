"""The commands of `city`, one file per noun; each imports what it runs only when it runs."""
