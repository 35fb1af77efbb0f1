# LoRA-Squeeze. One image, one entry point: ROLE says what a container does (all, api, worker).
#   docker build -t lora-squeeze .                        CPU (the default target, "runtime")
#   docker build -t lora-squeeze:cuda --target cuda .     CUDA 12, amd64 only

# npm is told to run no package's install script (.npmrc); none of them needs one.
FROM node:22.23.3-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json vite.config.ts ./
COPY src src
COPY web web
RUN npm run build

# onnxruntime-node ships its libraries for every platform: 245 of 288 MB are for others. So does SQLite: 24 of 29 MB.
FROM node:22.23.3-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev \
  && cd node_modules/onnxruntime-node/bin/napi-v6 \
  && keep="linux/$(node -p process.arch)" \
  && find . -mindepth 2 -maxdepth 2 ! -path "./$keep" -exec rm -rf {} + \
  && find . -mindepth 1 -maxdepth 1 -empty -delete \
  && test -e "$keep/onnxruntime_binding.node" \
  && cd /app/node_modules/@photostructure/sqlite/prebuilds \
  && find . -mindepth 1 -maxdepth 1 ! -name "linux-$(node -p process.arch)" -exec rm -rf {} +

# The CUDA provider's libraries, which the package leaves to its install script (from NuGet).
FROM packages AS cuda-packages
RUN ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false \
  && test -e node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so

FROM nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04 AS cuda
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 squeeze \
  && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin squeeze \
  && install -d -o 10001 -g 10001 /data
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
LABEL org.opencontainers.image.title="LoRA-Squeeze" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json openapi.yaml LICENSE ./
COPY --from=cuda-packages /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data EXECUTION_PROVIDER=cuda
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PROBE_PORT || process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]

# Last, so that it is what a plain `docker build` makes.
FROM node:22.23.3-slim AS runtime
# The private Redis of role "all"; api and worker use the one at REDIS_URL.
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 squeeze \
  && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin squeeze \
  && install -d -o 10001 -g 10001 /data
LABEL org.opencontainers.image.title="LoRA-Squeeze" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json openapi.yaml LICENSE ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data EXECUTION_PROVIDER=cpu
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PROBE_PORT || process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
