"""Train: start a run, watch it, stop it. It trains in a process of its own."""

import streamlit as st

from dashboard.train import form, watched

with st.container(gap="xxsmall"):
    st.title("Train")
    st.caption(
        "Start a run, watch it, stop it. It trains in a process of its own: leave the page "
        "whenever you like."
    )
left, right = st.columns([1, 1.75], gap="medium")
with right:
    watched.watched()
with left:
    form.new_run()
