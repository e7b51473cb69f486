# The recognition service on CPUs. The pipeline is mounted at /model; docker/compose.yaml starts it with a token, limits
# and a health check:
#
#   docker build -f docker/serve.Dockerfile -t cloudner-serve .
#   docker run --rm -p 127.0.0.1:8000:8000 -v "$PWD/training/model-best:/model:ro" cloudner-serve
#
# On a GPU: the image of docker/Dockerfile, with `pip install "/src[serve]"` added, and the same command.
FROM python:3.12-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    TOKENIZERS_PARALLELISM=false \
    HF_HUB_OFFLINE=1 \
    CLOUDNER_CACHE=/tmp/cloudner

# torch first, without CUDA, so that a change of the sources does not download it again
RUN pip install "torch>=2.8" --index-url https://download.pytorch.org/whl/cpu

COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN pip install "/src[serve,onnx]" && useradd --no-create-home --uid 10001 serve

USER serve
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["cloudner", "serve", "/model", "--host", "0.0.0.0", "--port", "8000"]
