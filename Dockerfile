# Build: docker build -t kcardswap .    Run: see compose.yaml and docs/operations.md.
FROM python:3.11-slim AS build
RUN python -m venv /opt/venv
COPY requirements.txt .
# Every file's hash is known beforehand, so nothing else gets in.
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    DATA_DIR=/data \
    PORT=8000
RUN useradd --system --uid 10001 --no-create-home kcardswap \
    && install --directory --owner=kcardswap --mode=0700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY alembic.ini wsgi.py ./
COPY migrations migrations
COPY kcardswap kcardswap
USER kcardswap
VOLUME /data
EXPOSE 8000
# Whether the process answers, not whether it is ready: a new container does not bring a lost database back.
# Load balancers ask /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/livez', timeout=3)"]
ENTRYPOINT ["sh", "/app/kcardswap/container/entrypoint.sh"]
