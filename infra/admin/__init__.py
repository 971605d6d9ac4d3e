"""Administration: what operators change in a running stack."""
