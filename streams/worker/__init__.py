"""The Faust worker: whole record batches through the rules."""
