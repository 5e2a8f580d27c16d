"""A small page to build, without the Connect SDK: the local workspace's."""

from __future__ import annotations

from ops.preview.builds import workspace_page
from ops.site.build import Page


def small_page() -> Page:
    """Return a page whose build takes little."""
    return workspace_page()
