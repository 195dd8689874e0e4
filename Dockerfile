# Laurel without the embedded servers: it needs LAUREL_MONGO_URL and LAUREL_REDIS_URL (compose.yaml sets both).
# LAUREL_WORKERS says how many processes serve in it; 1 if left out.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/laurel /opt/build
COPY requirements/base.txt requirements/build.txt /src/requirements/
RUN /opt/laurel/bin/pip install --require-hashes -r /src/requirements/base.txt \
    && /opt/build/bin/pip install --require-hashes -r /src/requirements/build.txt
COPY pyproject.toml README.md /src/
COPY gamification /src/gamification
COPY schema /src/schema
COPY app /src/app
# The build tool stays out of the image that runs.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /src/wheels /src \
    && /opt/laurel/bin/pip install --no-deps /src/wheels/*.whl

FROM python:3.13-slim
ENV PATH=/opt/laurel/bin:$PATH PYTHONUNBUFFERED=1 LAUREL_HOST=0.0.0.0 LAUREL_LOG_FORMAT=json PORT=8000
RUN useradd --system --uid 10001 --create-home --home-dir /srv/laurel laurel
WORKDIR /srv/laurel
COPY --from=build /opt/laurel /opt/laurel
COPY programs ./programs
USER laurel
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
CMD ["laurel", "serve"]
