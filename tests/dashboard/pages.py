"""Pages as AppTest runs them: opened under an address, and what is drawn on them."""

import json
from pathlib import Path
from urllib.parse import parse_qs

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")


def opened(page: str | None = None, **query) -> AppTest:
    """A page of `dashboard.parts.links` under an address (`class_` is its `class`); None is the
    first one, as it is when the dashboard is opened."""
    at = AppTest.from_file(APP, default_timeout=120)
    if page is not None:
        at.run()
    for key, value in query.items():
        at.query_params[key.rstrip("_")] = value
    at = at.run() if page is None else at.switch_page(page).run()
    assert not at.exception, at.exception
    return at


def evidence(at: AppTest) -> list[dict]:
    """The data of all evidence elements, in their order."""
    return [json.loads(element.proto.json) for element in at.get("bidi_component")]


def drawn(at: AppTest, kind: str) -> list[dict]:
    """Those of one kind: "cards", "matrix", "forest" and the like."""
    return [data for data in evidence(at) if data["kind"] == kind]


def cards(at: AppTest) -> dict[str, dict]:
    """By their labels."""
    return {card["label"]: card for data in drawn(at, "cards") for card in data["cards"]}


def box(at: AppTest, label: str):
    """The one select box of that label."""
    (found,) = [one for one in at.selectbox if one.label == label]
    return found


def texts(at: AppTest) -> str:
    """Headers, sentences and what stands on bars of progress."""
    parts = [*at.header, *at.markdown, *at.caption]
    progress = [element.proto.text for element in at.get("progress")]
    return "\n".join([*(str(part.value) for part in parts), *progress])


def said(at: AppTest) -> str:
    """Headers, sentences and warnings."""
    kinds = (at.header, at.markdown, at.caption, at.warning)
    return "\n".join(part.value for kind in kinds for part in kind)


def explained(at: AppTest) -> list[dict[str, str]]:
    """What the links under the pictures carry."""
    queries = [parse_qs(link.proto.query_string.lstrip("?")) for link in at.get("page_link")]
    return [{key: value[0] for key, value in q.items()} for q in queries if "pics" in q]
