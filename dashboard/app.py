"""The entry script: navigation, and what every page shares."""

from pathlib import Path

import streamlit as st

from dashboard import state

HERE = Path(__file__).parent
st.set_page_config(
    page_title="Camsight",
    page_icon=str(HERE / "static" / "favicon.png"),
    layout="wide",
    menu_items={"About": "Camsight trains an image classifier, proves how good it is, and shows "
                         "what it looks at."},
)  # fmt: skip
st.logo(str(HERE / "static" / "logo.svg"), size="large")

PAGES = [
    st.Page(HERE / "app_pages" / "overview.py", title="Overview", icon=":material/home:",
            url_path="overview", default=True),
    st.Page(HERE / "app_pages" / "train.py", title="Train", icon=":material/model_training:",
            url_path="train"),
    st.Page(HERE / "app_pages" / "evaluate.py", title="Evaluate", icon=":material/monitoring:",
            url_path="evaluate"),
    st.Page(HERE / "app_pages" / "explain.py", title="Explain",
            icon=":material/center_focus_strong:", url_path="explain"),
]  # fmt: skip
page = st.navigation(PAGES, position="top")
state.warm_up()
st.session_state["_here"] = page.url_path or "overview"
try:
    page.run()
finally:  # also where a page stops early
    state.keep_keys()
