"""Events that the platform sends about itself."""
