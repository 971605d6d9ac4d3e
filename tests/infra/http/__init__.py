"""The limits of the HTTP servers."""
