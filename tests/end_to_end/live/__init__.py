"""What happens in one live city, one test after the other; Ctrl-C comes last."""
