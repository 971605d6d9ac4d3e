# Our own wheel on top of its libraries; the first word of the command is the role of infra.processes.
ARG PARENT
FROM ${PARENT}
COPY code /opt/city/code
RUN python3 -m compileall -q -j 0 /opt/city/code
ENV CITY_DATA=/data CITY_LISTEN=0.0.0.0
USER city
ENTRYPOINT ["python3", "-m", "infra.processes"]
