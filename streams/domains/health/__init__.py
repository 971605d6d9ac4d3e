"""Health: what a body measurement means in its field's classes, and how often, without telling of whom."""
