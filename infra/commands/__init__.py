"""The commands of `city`, one file per noun; each imports its implementation only when it runs."""
