"""How events move: produce, topic, agent, derived topic, table."""
