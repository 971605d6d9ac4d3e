"""Tests of what the images are made of; none of them needs a daemon."""
