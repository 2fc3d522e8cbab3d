# Built for amd64 and arm64. Two stages: a wheel with its dependencies, then a slim image that holds nothing else.
FROM docker.io/library/python:3.11-slim-bookworm AS build

WORKDIR /source
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY mirage_hole mirage_hole
COPY blocklists blocklists
COPY web web
RUN python3 -m venv /opt/mirage-hole \
    && /opt/mirage-hole/bin/pip install --no-cache-dir --disable-pip-version-check '.[passkeys]' \
    && /opt/mirage-hole/bin/python -m compileall -q /opt/mirage-hole/lib


FROM docker.io/library/python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="Mirage Hole" \
      org.opencontainers.image.description="A DNS sinkhole resolver: blocks trackers, ads and malware, and says why" \
      org.opencontainers.image.licenses="MIT"

# Port 53 without root: the interpreter may bind low ports, and nothing else. The tool that says so is removed again.
# Who runs it with --cap-drop ALL needs --cap-add NET_BIND_SERVICE as well, or the kernel refuses to start it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin \
    && setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v python3)")" \
    && apt-get purge -y --auto-remove libcap2-bin \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 953 mirage-hole \
    && useradd --system --uid 953 --gid 953 --home-dir /var/lib/mirage-hole --shell /usr/sbin/nologin mirage-hole \
    && install -d -o mirage-hole -g mirage-hole -m 0700 /var/lib/mirage-hole

COPY --from=build /opt/mirage-hole /opt/mirage-hole
ENV PATH="/opt/mirage-hole/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIRECTORY=/var/lib/mirage-hole

USER 953
VOLUME ["/var/lib/mirage-hole"]
EXPOSE 53/udp 53/tcp 8080/tcp
STOPSIGNAL SIGTERM
# Asks the resolver inside a real DNS question. It knows the settings of variables and files, not the flags of another process.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["mirage-hole", "healthcheck"]
ENTRYPOINT ["mirage-hole"]
