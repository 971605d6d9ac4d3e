# Debian with its own Python 3.11, a user without rights and a place for data. Everything else stands on it.
ARG DEBIAN
FROM ${DEBIAN}
RUN command -v python3 >/dev/null || (apt-get update \
    && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*) \
    && useradd --system --uid 10001 --create-home city \
    && mkdir /data && chown city:city /data
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
VOLUME /data
WORKDIR /data
