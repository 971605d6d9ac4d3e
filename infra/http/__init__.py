"""The limits of HTTP servers that run on uvicorn, and how such a server is started."""
