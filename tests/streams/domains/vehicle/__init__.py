"""Vehicles: readers, rules, the scenario."""
