"""The catalogue of domains, topics and schemas, and all names, bytes, columns and documents that follow from it."""
