"""ClickHouse for the city: the embedded engine behind its HTTP door, and the migrations for either kind."""
