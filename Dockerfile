# Camsight in a container; README, "Hosting". For NVIDIA's GPUs: --build-arg LOCK=requirements-gpu.lock
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ARG LOCK=requirements.lock
WORKDIR /app

# The same lock as make's, in a layer of its own: it changes more rarely than the code.
COPY requirements.lock requirements-gpu.lock ./
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir \
        --require-hashes --requirement "$LOCK" \
    && rm requirements.lock requirements-gpu.lock

# What is in the image, by name, version and licence (CycloneDX): /app/sbom.json
COPY tools/sbom.py /tmp/sbom.py
RUN /opt/venv/bin/python /tmp/sbom.py > sbom.json

COPY LICENSE ./
COPY .streamlit .streamlit
COPY engine engine
COPY dashboard dashboard
RUN /opt/venv/bin/python -m compileall -q engine dashboard

FROM ${PYTHON}
# Which commit it was built from, for the records of runs: --build-arg COMMIT=$(git describe --always)
ARG COMMIT=""
# Python's own folder of the venv is first, so `python` is it. Nothing but /workspace, /cache and
# /tmp is written, so the rest may be read-only.
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CAMSIGHT_COMMIT=$COMMIT CAMSIGHT_WORKSPACE=/workspace CAMSIGHT_HOST=0.0.0.0 CAMSIGHT_PORT=8501 \
    HOME=/cache KERAS_HOME=/cache/keras MPLCONFIGDIR=/cache/matplotlib
WORKDIR /app

# A new volume takes the owner of the folder that it covers.
RUN useradd --no-create-home --home-dir /cache --uid 1000 camsight \
    && install --directory --owner=camsight /workspace /cache
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

USER 1000:1000
VOLUME ["/workspace", "/cache"]
EXPOSE 8501

# The body is read, since a proxy's or an error's page can answer 200 as well.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, sys, urllib.request as u; sys.exit(u.urlopen(f'http://127.0.0.1:{os.environ[\"CAMSIGHT_PORT\"]}/_stcore/health', timeout=4).read().strip() != b'ok')"]

# It refuses to start where nobody signs in, unless CAMSIGHT_ANYONE=yes says that this is meant.
CMD ["python", "-m", "dashboard"]
