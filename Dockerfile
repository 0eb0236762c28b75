# Carillon's image: `docker build -t carillon .`
#
# What it does and how to run it: docs/compose.md. Nothing here needs BuildKit.

# Where a registry of your own is the way out, this names the same image there.
ARG NODE_IMAGE=node:24-slim

# Everything that the build needs, the pages' bundler and the compiler included.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
# Another npm registry; empty: the base image's own setting. A certificate authority that the base image names in
# NODE_EXTRA_CA_CERTS is used as it is; this names a file of the base image that it does not.
ARG NPM_CONFIG_REGISTRY
ARG NODE_EXTRA_CA_CERTS
COPY package.json package-lock.json .npmrc ./
# Without scripts, as `prepare` is the build, whose sources come later so that they do not invalidate this layer.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && chmod 755 dist/main.js \
 && find dist -type f \( -name '*.d.ts' -o -name '*.map' \) -delete

# What runs: dependencies without the development ones, and of those what Node loads.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
ARG NPM_CONFIG_REGISTRY
ARG NODE_EXTRA_CA_CERTS
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts \
 && find node_modules -type f \( -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.map' \) -delete \
 && rm -f node_modules/.package-lock.json && find node_modules -depth -type d -empty -delete

FROM ${NODE_IMAGE}

# In a container everybody outside is on another address, the engine collects standard output and standard error, and
# the root file system may be read-only. A file that says otherwise loses to a variable, so these are said as variables;
# the operations port stays on the container's own loopback unless the configuration says otherwise.
ENV NODE_ENV=production \
    CARILLON_HOST=0.0.0.0 \
    CARILLON_LOG_DIRECTORY=-

COPY package.json LICENSE /app/
COPY --from=dependencies /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
RUN ln -s /app/dist/main.js /usr/local/bin/carillon && mkdir -p /etc/carillon

# carillon.yaml is looked for here; without one the demo runs.
WORKDIR /etc/carillon
# The image's user `node`, as a number so that a platform can see that it is not root.
USER 1000:1000
EXPOSE 8080 9080

# The primary is process 1. It handles its signals itself (while Node itself starts, for less than 0.1 s, it has no handler
# yet and the kernel drops what has none) and waits for the workers, which are all the processes there are: no init is
# needed. On this signal it drains; give it the time for that (`docker run --stop-timeout`, `stop_grace_period`).
STOPSIGNAL SIGTERM
# Alive, not ready: a gateway whose Redis is away must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CARILLON_OPERATIONS_PORT ?? 9080}/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["carillon"]
CMD ["serve"]

# Last, so that another revision shares all layers before: --build-arg VERSION=… --build-arg REVISION="$(git rev-parse HEAD)"
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="Carillon" \
      org.opencontainers.image.description="A horizontally scalable WebSocket pub/sub gateway for Node.js" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
