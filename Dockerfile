# LoRA-Squeeze. One image with one entry point: ROLE chooses what a container does (all, api, worker).
#   docker build -t lora-squeeze .                        CPU (the default target, "runtime")
#   docker build -t lora-squeeze:cuda --target cuda .     CUDA 13, amd64 only
# Docker builds from these tags, `docker compose build` from the digests of the same images. docs/image.md explains that, the build
# arguments, and how to verify the CUDA provider.

# .npmrc forbids install scripts of packages; none of them needs one.
FROM node:24.21.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json vite.config.ts openapi.yaml LICENSE CHANGELOG.md ./
COPY src src
COPY web web
COPY scripts scripts
RUN npm run build && npx tsx scripts/ship.ts /ship

# The CUDA provider, which the install script of onnxruntime-node downloads. No lock file covers that download, so its digest
# must be given: CUDA_PROVIDER_SHA256 of the .so file.
FROM build AS cuda-provider
ARG CUDA_PROVIDER_SHA256=
RUN ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false \
  && cd node_modules/onnxruntime-node/bin/napi-v6/linux/x64 \
  && sha256sum libonnxruntime_providers_cuda.so \
  && if [ -z "$CUDA_PROVIDER_SHA256" ]; then echo "Verify this file, then build with --build-arg CUDA_PROVIDER_SHA256=… (docs/image.md)." >&2; exit 1; fi \
  && echo "$CUDA_PROVIDER_SHA256  libonnxruntime_providers_cuda.so" | sha256sum --check --strict \
  && mkdir /provider && cp libonnxruntime_providers_cuda.so libonnxruntime_providers_shared.so /provider/

# Like the CPU image it has the same /app, the same user, and Node without npm.
FROM nvidia/cuda:13.0.2-cudnn-runtime-ubuntu24.04 AS cuda-base
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 squeeze \
  && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin squeeze \
  && install -d -o 10001 -g 10001 /data \
  && dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' > /packages.txt
COPY --from=build /usr/local/bin/node /usr/local/bin/node
RUN node --version

FROM build AS cuda-bill
COPY --from=cuda-base /packages.txt /etc/os-release /system/
RUN npx tsx scripts/sbom.ts /system > /sbom.json

FROM cuda-base AS cuda
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="LoRA-Squeeze" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.created="$CREATED" \
  org.opencontainers.image.source="$SOURCE" \
  org.opencontainers.image.base.name="docker.io/nvidia/cuda:13.0.2-cudnn-runtime-ubuntu24.04"
WORKDIR /app
COPY --from=build /ship ./
COPY --from=cuda-provider /provider node_modules/onnxruntime-node/bin/napi-v6/linux/x64
COPY --from=cuda-bill /sbom.json ./
# The provider is linked with one major version of CUDA and loads cuDNN itself, so the build fails if the base image has
# other versions. Only the driver (libcuda) comes from the machine that runs the container.
RUN cd node_modules/onnxruntime-node/bin/napi-v6/linux/x64 \
  && ldd libonnxruntime_providers_cuda.so libonnxruntime_providers_shared.so onnxruntime_binding.node > /tmp/ldd.txt \
  && if grep 'not found' /tmp/ldd.txt | grep -v 'libcuda\.so'; then echo "The base image lacks libraries of the CUDA provider." >&2; exit 1; fi \
  && ldconfig -p | grep -q 'libcudnn\.so\.9' \
  && rm /tmp/ldd.txt
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data EXECUTION_PROVIDER=cuda
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PROBE_PORT || process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]

# redis-server is for the role "all"; api and worker use the server at REDIS_URL.
FROM debian:trixie-20261005-slim AS base
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 squeeze \
  && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin squeeze \
  && install -d -o 10001 -g 10001 /data \
  && dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' > /packages.txt
COPY --from=build /usr/local/bin/node /usr/local/bin/node
RUN node --version

FROM build AS bill
COPY --from=base /packages.txt /etc/os-release /system/
RUN npx tsx scripts/sbom.ts /system > /sbom.json

# The last stage is the default target of `docker build`.
FROM base AS runtime
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="LoRA-Squeeze" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.created="$CREATED" \
  org.opencontainers.image.source="$SOURCE" \
  org.opencontainers.image.base.name="docker.io/library/debian:trixie-20261005-slim"
WORKDIR /app
COPY --from=build /ship ./
COPY --from=bill /sbom.json ./
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data EXECUTION_PROVIDER=cpu
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PROBE_PORT || process.env.PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
