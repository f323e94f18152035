"""The entry script: navigation, and what every page shares."""

from pathlib import Path

import streamlit as st

from dashboard import state
from dashboard.parts import links, me, params, sent

HERE = Path(__file__).parent
st.set_page_config(
    page_title="Camsight",
    page_icon=str(HERE / "static" / "favicon.png"),
    layout="wide",
    menu_items={"About": "Camsight trains an image classifier, proves how good it is, and shows "
                         "what it looks at."},
)  # fmt: skip
st.logo(str(HERE / "static" / "logo.svg"), size="large")
st.html(HERE / "header.css")

PAGES = [
    st.Page(HERE / links.OVERVIEW, title="Overview", icon=":material/home:",
            url_path="overview", default=True),
    st.Page(HERE / links.TRAIN, title="Train", icon=":material/model_training:",
            url_path="train"),
    st.Page(HERE / links.RUNS, title="Runs", icon=":material/list_alt:", url_path="runs"),
    st.Page(HERE / links.EVALUATE, title="Evaluate", icon=":material/monitoring:",
            url_path="evaluate"),
    st.Page(HERE / links.EXPLAIN, title="Explain",
            icon=":material/center_focus_strong:", url_path="explain"),
    st.Page(HERE / links.SERVER, title="Server", icon=":material/dns:", url_path="server",
            visibility="hidden"),
]  # fmt: skip
page = st.navigation(PAGES, position="top")


def show() -> None:
    """Who it is, is asked first: where people sign in and nobody did, that is all there is."""
    me.menu()
    page.run()


params.begin(page.url_path or "overview")
sent.arrive()
try:
    state.guarded(show)
finally:  # also where a page stops early
    params.keep()
