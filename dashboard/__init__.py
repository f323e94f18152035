"""Camsight's pages on Streamlit."""
