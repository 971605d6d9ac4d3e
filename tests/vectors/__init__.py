"""Published test vectors and what makes them."""
