"""Outlines of land under the boards' maps: small GeoJSON files, and the script that makes them."""
