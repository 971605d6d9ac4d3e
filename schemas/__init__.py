"""What an event is: the catalogue of domains, topics and schemas, and everything that follows from it."""
