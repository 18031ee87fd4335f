"""The server's description as a page: what can be asked, and a line to paste for each model."""

import html
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from serving.exchange import Reply, Request

_HOST = re.compile(r"[\w.:\[\]-]+", re.ASCII)
#: A line to paste is seen whole on any screen, and is still one line when it is pasted.
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:72em;margin:2em auto;padding:0 1em}"
    "pre{background:#f4f4f4;padding:1em;white-space:pre-wrap;overflow-wrap:anywhere}"
    "td{padding:.2em 1em .2em 0;vertical-align:top}td code{overflow-wrap:anywhere}"
)


def page(described: Mapping[str, Any], request: Request) -> Reply:
    """The document for people: what can be asked, and a line to paste for each model."""
    host = request.headers.get("host", "")
    where = f"http://{host if _HOST.fullmatch(host) else 'localhost:8080'}"
    rows, lines = "", ""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            told = html.escape(operation["summary"])
            rows += f"<tr><td>{method.upper()}<td><code>{html.escape(path)}</code><td>{told}\n"
            for asked, example in _examples(path, operation):
                body = shlex.quote(orjson.dumps(example).decode())
                token = ' -H "authorization: Bearer $TOKEN"' if "security" in operation else ""
                line = (
                    f"curl -s {shlex.quote(where + asked)} -H 'content-type: application/json'"
                    f"{token} -d {body}"
                )
                lines += f"<h3>{html.escape(asked)}</h3>\n<pre>{html.escape(line)}</pre>\n"
    title = html.escape(described["info"]["title"])
    about = html.escape(described["info"]["description"])
    whole = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{_STYLE}</style>\n<h1>{title}</h1>\n<p>{about} "
        f'As a document: <a href="/openapi.json">openapi.json</a>.</p>\n'
        f"<h2>What can be asked</h2>\n<table>{rows}</table>\n<h2>To paste</h2>\n{lines}</html>\n"
    )
    policy = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")
    return Reply(200, whole.encode(), b"text/html; charset=utf-8", (policy,))


def _examples(path: str, operation: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What can be asked of a path as it stands, and with which body."""
    taken = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if "example" in taken and "{" not in path:
        yield path, taken["example"]
    for name, one in taken.get("examples", {}).items():
        yield f"{path}?scenario={name}", one["value"]
