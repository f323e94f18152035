"""What is installed beside this Python, by name, version and licence: `python tools/sbom.py`.

Prints a software bill of materials as CycloneDX 1.6 (JSON), made of what each package says of
itself. It needs nothing that is not installed anyway, so that it can run while an image is built.
"""

import json
import sys
from email.message import Message
from importlib.metadata import Distribution, distributions

LONGEST = 80  # letters of a licence's name; some packages put its whole text there


def bill() -> dict:
    """The bill of this environment, sorted by name."""
    found = {_name(one): one for one in distributions()}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "camsight"}},
        "components": [_component(name, found[name]) for name in sorted(found)],
    }


def _name(one: Distribution) -> str:
    return one.metadata["Name"].lower().replace("_", "-").replace(".", "-")


def _component(name: str, one: Distribution) -> dict:
    return {
        "type": "library",
        "name": name,
        "version": one.version,
        "purl": f"pkg:pypi/{name}@{one.version}",
        "licenses": licences(one.metadata),
    }


def licences(about: Message) -> list[dict]:
    """As CycloneDX takes them: an expression (PEP 639), or names; [] where a package tells none."""
    if expression := about.get("License-Expression"):
        return [{"expression": expression}]
    named = [one.split("::")[-1].strip() for one in about.get_all("Classifier", [])
             if one.startswith("License ::")]  # fmt: skip
    told = (about.get("License") or "").strip().splitlines()
    if not named and told and told[0] != "UNKNOWN" and len(told[0]) <= LONGEST:
        named = [told[0].strip()]
    return [{"license": {"name": name}} for name in named]


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
