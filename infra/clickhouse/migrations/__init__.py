"""SQL scripts and their application."""
