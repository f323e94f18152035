"""Print docs/settings.md: every setting, its default and meaning, as engine/settings.py has them.

Run from the project: `.venv/bin/python -m tools.settings_table > docs/settings.md`.
"""

from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from engine.settings import PROJECT, Settings

HEAD = """# Settings

All by environment; what cannot be used is told when the dashboard or a command starts. Lists stand
with commas between their parts. Written by `tools/settings_table.py`.

| variable | default | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """docs/settings.md, whole."""
    rows = (
        f"| `CAMSIGHT_{name.upper()}` | {_default(field)} | {field.description}{_values(field)} |"
        for name, field in Settings.model_fields.items()
    )
    return HEAD + "\n".join(rows) + "\n"


def _values(field: FieldInfo) -> str:
    """What it may be, where it is one of a few."""
    if get_origin(field.annotation) is not Literal:
        return ""
    return ": " + ", ".join(f"`{value}`" for value in get_args(field.annotation))


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, Path):
        return f"`{value.relative_to(PROJECT)}` in the project"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, SecretStr) or value in (None, "", ()):
        return "none"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else f"{value}"


if __name__ == "__main__":
    print(page(), end="")
