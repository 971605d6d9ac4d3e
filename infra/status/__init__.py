"""The live status and its views."""
