"""Makes evidence bundles: for one record, and for an interval of a partition."""
