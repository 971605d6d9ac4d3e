"""What the first release wrote still verifies and opens."""
