"""What the tests run the product with: cities, brokers, engines, and one way to wait."""
