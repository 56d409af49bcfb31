# The server and what it imports: no embedded MongoDB, no tests, no compiler, no pip among its libraries.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /srv/parley
COPY requirements.txt ./
RUN python -m venv --without-pip /srv/venv && \
    pip --python /srv/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements.txt
COPY app ./app
RUN /srv/venv/bin/python -m compileall -q app

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 parley && \
    useradd --uid 10001 --gid parley --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin parley
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production \
    PORT=4000
WORKDIR /srv/parley
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/parley/app ./app
COPY LICENSE ./
# By number: an orchestrator that demands a user other than root cannot look a name up.
USER 10001:10001
EXPOSE 4000
STOPSIGNAL SIGTERM
# Live, not ready: a server that waits for its database, or drains, is not mended by ending it. http.client, and not
# urllib.request, which would ask the proxy that HTTP_PROXY names.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import http.client, os, sys; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); asked.request('GET', '/health/live'); sys.exit(asked.getresponse().status != 200)"]
CMD ["python", "-m", "app", "serve"]
