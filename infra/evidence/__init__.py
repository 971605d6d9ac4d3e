"""Evidence for the command line and the web."""
