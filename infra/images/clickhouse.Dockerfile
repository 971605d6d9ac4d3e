# Our own wheel on top of ClickHouse's engine: answers as ClickHouse's own image does, on the same port, from
# the same volume.
ARG PARENT
FROM ${PARENT}
COPY code /opt/city/code
RUN python3 -m compileall -q -j 0 /opt/city/code \
    && mkdir -p /var/lib/clickhouse && chown city:city /var/lib/clickhouse
ENV CITY_DATA=/var/lib/clickhouse/city CITY_LISTEN=0.0.0.0 CITY_PORT_CLICKHOUSE=8123
USER city
VOLUME /var/lib/clickhouse
EXPOSE 8123
ENTRYPOINT ["python3", "-m", "infra.processes"]
CMD ["clickhouse"]
