"""Outlines of land for the boards' maps: small GeoJSON files, and the script that makes them."""
