"""What can go wrong while images are built: one line each, with the next step."""

from __future__ import annotations


class ImageError(Exception):
    """Root of this package: nothing below it leaves `infra.images` under another name."""


class DockerMissingError(ImageError):
    """No `docker` program, or no daemon that answers."""


class ToolMissingError(ImageError):
    """A program that the build needs is not on PATH."""


class BaseImageError(ImageError):
    """The Debian base can neither be pulled nor made here."""


class BuildFailedError(ImageError):
    """A step of a build failed."""
