# wiz and its runner on Debian, with Postgres's own binaries for the embedded database and git for mirrors.
#
#   docker build --tag wiz --target run .               wiz that uses an engine elsewhere (compose.yaml)
#   docker build --tag wiz-machine --target machine .   wiz with an engine of its own in one machine (fly.toml)
#
# Every base image is an argument, so that a machine without a registry can build on an image of its own.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUN_IMAGE=debian:bookworm-slim
ARG BINARIES=build

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --locked --release --package wiz --bin wiz \
    && scripts/build-runner \
    && mkdir /out && cp target/release/wiz target/runner/wiz-runner /out/

FROM ${BINARIES} AS binaries

FROM ${RUN_IMAGE} AS run
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl git postgresql \
    && rm --recursive --force /var/lib/apt/lists/* /var/lib/postgresql/*/main
# The embedded Postgres refuses to run as root, and nothing in wiz needs it.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/wiz --shell /usr/sbin/nologin wiz
COPY --from=binaries /out/wiz /out/wiz-runner /usr/local/bin/
ENV WIZ_LISTEN=0.0.0.0:8080 WIZ_DATA_DIR=/var/lib/wiz
USER wiz
WORKDIR /var/lib/wiz
VOLUME /var/lib/wiz
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["curl", "--fail", "--silent", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["/usr/local/bin/wiz"]
CMD ["serve"]

FROM run AS machine
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends debootstrap docker.io iptables \
    && rm --recursive --force /var/lib/apt/lists/* \
    && usermod --append --groups docker wiz
COPY scripts/base-image scripts/base-image.packages scripts/machine scripts/start-engine /usr/local/lib/wiz/
ENTRYPOINT ["/usr/local/lib/wiz/machine"]
CMD ["serve"]
