# Third-party Python packages at their pinned versions, installed outside into `site` for this Python.
ARG PARENT
FROM ${PARENT}
COPY site /opt/city/site
RUN python3 -m compileall -q -j 0 -x '/tests?/' /opt/city/site || true
ENV PYTHONPATH=/opt/city/code:/opt/city/site
