"""Evidence bundles for records and intervals."""
