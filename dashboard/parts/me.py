"""Who looks at the page, where people sign in: the name in the top bar, and the way out."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import links
from engine.people import Role
from engine.settings import settings

MAY = {
    Role.VIEWER: "look at everything and explain pictures",
    Role.TRAINER: "look, explain, prepare data and train, and change what is your own",
    Role.ADMIN: "do everything, also with what others own",
}


def menu() -> None:
    """Nothing where nobody signs in."""
    if settings().sign_in == "none":
        return
    me = state.person()
    with (
        st.container(key="me"),
        st.popover(words.markdown(me.name, 28), icon=":material/account_circle:", type="tertiary"),
    ):
        st.markdown(f"**{words.markdown(me.name)}**")
        st.markdown(f"Your role is {me.role}: you may {MAY[me.role]}.")
        if me.role is Role.ADMIN:
            st.page_link(links.SERVER, label="Server", icon=":material/dns:")
        if settings().sign_in == "oidc":
            # A link of Streamlit's own would open another tab.
            st.html('<a href="/sign-out" target="_self">Sign out</a>')
