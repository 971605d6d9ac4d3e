"""The platform in containers: the same behaviour as on the host."""
