# facegate serve on a CPU. State lies in the volume /var/lib/facegate; nothing else is written:
#   docker build -t facegate .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8321:8321 -v facegate:/var/lib/facegate \
#     facegate --host 0.0.0.0 --public-url http://localhost:8321
# Make a key first, for a server that others can reach needs one:
#   docker run --rm -v facegate:/var/lib/facegate --entrypoint facegate facegate \
#     keys create page --scope admin
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY models models
COPY data data
# pip alone may choose a torch that does not fit torchvision; uv takes the pair.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir uv \
 && python -m venv /opt/facegate \
 && uv pip install --no-cache --python /opt/facegate/bin/python .

FROM python:3.12-slim
# Security fixes of the distribution are wanted, so its packages have no pinned versions.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 facegate \
 && install -d -o facegate -m 700 /var/lib/facegate
COPY --from=build /opt/facegate /opt/facegate
ENV PATH=/opt/facegate/bin:$PATH FACEGATE_HOME=/var/lib/facegate PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /var/lib/facegate
EXPOSE 8321
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
  "import urllib.request as u; u.urlopen('http://127.0.0.1:8321/healthz', timeout=4)"]
ENTRYPOINT ["facegate", "serve"]
