"""What operators change by hand."""
