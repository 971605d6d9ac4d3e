"""Container images of the platform: what is in them and how they are built without a network of their own."""
