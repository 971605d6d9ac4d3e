"""What the row `path` is measured with: a whole stack, a load upon it, and looks at it from outside."""
