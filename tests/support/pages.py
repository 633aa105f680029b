"""What every page of a report must be: whole, well-formed, and out of reach of anything outside it."""

import re
import xml.etree.ElementTree as ElementTree

OUTSIDE = (
    "http:",
    "https:",
    "//",
    "<script",
    "<link",
    "<iframe",
    "<object",
    "<embed",
    "<img",
    "url(",
    "@import",
    "src=",
)


def parsed(page: str) -> ElementTree.Element:
    """Return a page's tree; an element left open, an attribute twice, or a stray `&` is an error."""
    return ElementTree.fromstring(page.replace("<!DOCTYPE html>", ""))  # noqa: S314 - a page of our own making


def assert_self_contained(page: str) -> None:
    """Fail if a page runs, loads or names anything outside itself, or names one place twice."""
    assert [word for word in OUTSIDE if word in page.lower()] == []
    assert not re.search(r"\son\w+=", page), "an event handler"
    root = parsed(page)
    anchors = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(anchors) == len(set(anchors))
    assert all(str(link.get("href")).removeprefix("#") in anchors for link in root.iter("a"))
    [policy] = [meta.get("content") for meta in root.iter("meta") if meta.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def texts(page: str) -> str:
    """Return what a reader sees of a page, spaces made one."""
    body = parsed(page).find("body")
    assert body is not None
    return " ".join(" ".join(body.itertext()).split())
