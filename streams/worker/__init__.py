"""The Faust worker: runs whole batches of records through the rules of their topic."""
