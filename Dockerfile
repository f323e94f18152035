# docker build -t camsight . && docker run -p 8501:8501 -v camsight:/workspace camsight
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app

# The same lock as make's, in a layer of its own: it changes more rarely than the code.
COPY requirements.lock .
RUN python -m pip install --no-cache-dir --require-hashes --requirement requirements.lock

# A new volume takes the owner of the folder that it covers.
RUN useradd --create-home --uid 1000 camsight \
    && install --directory --owner=camsight /workspace
COPY LICENSE ./
COPY .streamlit .streamlit
COPY engine engine
COPY dashboard dashboard

USER camsight
# Under other names than localhost and addresses, say the name: -e CAMSIGHT_ALLOWED_HOSTS=NAME
ENV CAMSIGHT_WORKSPACE=/workspace CAMSIGHT_HOST=0.0.0.0 CAMSIGHT_PORT=8501
VOLUME /workspace
EXPOSE 8501

# The body is read, since a proxy's or an error's page can answer 200 as well.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import os, sys, urllib.request as u; sys.exit(u.urlopen(f'http://127.0.0.1:{os.environ[\"CAMSIGHT_PORT\"]}/_stcore/health', timeout=4).read().strip() != b'ok')"]

CMD ["python", "-m", "dashboard"]
