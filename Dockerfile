# syntax=docker/dockerfile:1
# The gateway as a container: what `npm pack` publishes, its dependencies as they are locked, bubblewrap, and nothing to build with.
ARG NODE=26.10.0-trixie-slim

FROM node:${NODE} AS build
WORKDIR /build
COPY . .
# Not `npm ci`: it refuses a lock file that lacks the optional binaries of platforms that the registry did not serve.
RUN npm install --no-save --no-audit --no-fund --ignore-scripts
RUN npm pack --silent && tar -xzf mcp-gateway-*.tgz
RUN cp package-lock.json package/ && npm install --prefix package --omit=dev --no-save --no-audit --no-fund --ignore-scripts && rm package/package-lock.json

FROM node:${NODE}
LABEL org.opencontainers.image.title="mcp-gateway" \
      org.opencontainers.image.description="OAuth 2.1 in front of any MCP server." \
      org.opencontainers.image.licenses="Apache-2.0"
# bubblewrap confines services; tini is process 1 and takes in what they leave behind.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bubblewrap tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d /etc/mcp-gateway \
 && install -d -o node -g node -m 0700 /var/lib/mcp-gateway \
 && ln -s /opt/mcp-gateway/bin/run.js /usr/local/bin/mcp-gateway
COPY --from=build /build/package /opt/mcp-gateway
ENV NODE_ENV=production
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
WORKDIR /var/lib/mcp-gateway
VOLUME /var/lib/mcp-gateway
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["mcp-gateway", "serve", "--config", "/etc/mcp-gateway/mcp-gateway.yaml"]
