# Gatehouse in a container:   docker build -t gatehouse .   or   podman build -t gatehouse .
# The second stage holds the program, the five libraries it is linked to and nothing else: no shell, no package manager.
# BUN names the image that builds it, best by digest; any image with Debian's glibc and Bun 1.4.5 will do.
ARG BUN=docker.io/oven/bun:1.4.5-debian

FROM ${BUN} AS build
WORKDIR /src
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY . .
# What `gatehouse version` says it was built from: --build-arg COMMIT=$(git rev-parse HEAD)
ARG COMMIT
RUN GATEHOUSE_BUILD_COMMIT="${COMMIT}" bun scripts/build.ts --outfile /image/app/gatehouse \
    && sh scripts/image-root.sh /image

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /image/data /data
LABEL org.opencontainers.image.title="Gatehouse" \
      org.opencontainers.image.licenses="Apache-2.0"
# The first: Gatehouse would start over to set it (src/more-requests.ts).
ENV BUN_CONFIG_MAX_HTTP_REQUESTS=4096 \
    GATEHOUSE_HTTP_HOST=0.0.0.0 \
    GATEHOUSE_DATA_DIR=/data \
    TZ=UTC
# Nobody in particular, and no root: what the volume holds belongs to this number.
USER 65532:65532
WORKDIR /
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Asks /readyz: whether webhooks are taken.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/app/gatehouse", "healthcheck"]
ENTRYPOINT ["/app/gatehouse"]
CMD ["serve"]
