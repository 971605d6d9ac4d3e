"""Migrations: the SQL files of the domains, and their application to ClickHouse."""
