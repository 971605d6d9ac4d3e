"""Events that the platform sends about itself: metrics, audits, decisions."""
