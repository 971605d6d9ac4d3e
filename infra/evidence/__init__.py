"""Evidence bundles and audits for the command line and the web."""
