"""Errors of building images: each message is one line with the next step."""

from __future__ import annotations


class ImageError(Exception):
    """Root of the errors of `infra.images`."""


class DockerMissingError(ImageError):
    """No `docker` program, or no daemon that answers."""


class ToolMissingError(ImageError):
    """A program that the build needs is not on PATH."""


class BaseImageError(ImageError):
    """The Debian base can neither be pulled nor made here."""


class BuildFailedError(ImageError):
    """A step of a build failed."""
