"""Describes what a subscriber may read as an AsyncAPI 3.0 document with Kafka bindings 0.5. Pure.

The document follows from the catalogue and the subscriber's file alone: one channel for each granted topic, one message
for each version of its schema, with the Avro schema of the wire and examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas import names
from schemas.examples import to_plain
from schemas.model import Catalog, Schema, Topic
from schemas.subscriber_grants import Subscriber

VERSION = "3.0.0"
BINDING = "0.5.0"
AVRO = "application/vnd.apache.avro;version=1.9.0"
_DAY_MS = 24 * 3600 * 1000
_SCRAM = "scram"
_SERVER = "kafka"
_HEADERS = {
    "type": "object",
    "description": "Raw values are UTF-8 text, but for `signature`. More may follow; unknown ones may be ignored.",
    "properties": {
        "simulated": {
            "type": "string",
            "const": "true",
            "description": "Stands only on events that were replayed from a recording or made up in a scenario.",
        },
        "cause": {
            "type": "string",
            "description": "Derived events only: the record they were derived from, topic/partition/offset.",
        },
        "sequence": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,18}$",
            "description": "The source's own number of the event, if it numbers them.",
        },
        "signature": {
            "description": "The source's signature, if it signs: bytes as in ledger_sink/FORMAT.md, section 10.",
        },
    },
}
_CIPHERTEXT = b"ciphertext".hex()
_SEALED = (
    "Topic, partition and offset of a record are its coordinates in the city's ledger: with them ask for its "
    "evidence bundle (`city prove --topic T --partition P --offset O`), and check that with `ledger-verify`."
)


@dataclass(frozen=True)
class Deployment:
    """Addresses of a deployment.

    Attributes:
        city: The city's name.
        kafka: Address of the SASL listener.
        registry: Address of the schema registry; empty where it is not known.
        partitions: Number of partitions of a topic without a number of its own in the catalogue; None: not known.
    """

    city: str
    kafka: str
    registry: str
    partitions: int | None


def document(catalog: Catalog, subscriber: Subscriber, deployment: Deployment) -> dict[str, Any]:
    """Return a subscriber's AsyncAPI document, as plain JSON.

    Args:
        catalog: Topics, schemas and examples.
        subscriber: The subscriber and its topics.
        deployment: Addresses of the deployment.
    """
    topics = [catalog.topics[name] for name in subscriber.topics]
    return {
        "asyncapi": VERSION,
        "id": f"urn:city:{deployment.city}:subscriber:{subscriber.name}",
        "info": {
            "title": f"{deployment.city} for {subscriber.title}",
            # A further version of any schema, or a further topic, makes the number greater.
            "version": f"{sum(len(topic.schemas) for topic in topics)}.0.0",
            "description": f"{subscriber.purpose}\n\n{_SEALED}",
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {_SERVER: _server(deployment)},
        "channels": {topic.name: _channel(topic, deployment) for topic in topics},
        "operations": {f"receive {topic.name}": _operation(topic, subscriber) for topic in topics},
        "components": {
            "messages": {
                message_name(topic, schema): _message(catalog, topic, schema)
                for topic in topics
                for schema in topic.schemas
            },
            "securitySchemes": {
                _SCRAM: {
                    "type": "scramSha512",
                    "description": f"User {subscriber.name}; its password is given by the city.",
                }
            },
        },
    }


def message_name(topic: Topic, schema: Schema) -> str:
    """Return the message's name of one version of a topic's schema: `vehicle.accident.v1`."""
    return f"{topic.name}.v{schema.version}"


def _server(deployment: Deployment) -> dict[str, Any]:
    return {
        "host": deployment.kafka,
        "protocol": "kafka",
        "description": "SASL listener; it denies whatever was not granted.",
        "security": [{"$ref": f"#/components/securitySchemes/{_SCRAM}"}],
        "bindings": {
            "kafka": {
                **(
                    {"schemaRegistryUrl": deployment.registry, "schemaRegistryVendor": "confluent"}
                    if deployment.registry
                    else {}
                ),
                "bindingVersion": BINDING,
            }
        },
    }


def _channel(topic: Topic, deployment: Deployment) -> dict[str, Any]:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": topic.schema.tree.doc,
        "servers": [{"$ref": f"#/servers/{_SERVER}"}],
        "messages": {
            f"v{schema.version}": {"$ref": f"#/components/messages/{message_name(topic, schema)}"}
            for schema in topic.schemas
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                **(
                    {"partitions": partitions}
                    if (partitions := topic.partitions or deployment.partitions)
                    else {}
                ),
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_days * _DAY_MS,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operation(topic: Topic, subscriber: Subscriber) -> dict[str, Any]:
    prefix = names.own_group_prefix(subscriber.name)
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "security": [{"$ref": f"#/components/securitySchemes/{_SCRAM}"}],
        "bindings": {
            "kafka": {
                "groupId": {
                    "type": "string",
                    "pattern": "^" + prefix.replace(".", "\\."),
                    "description": "Consumer groups of this subscriber begin so; others are refused.",
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _message(catalog: Catalog, topic: Topic, schema: Schema) -> dict[str, Any]:
    return {
        "name": message_name(topic, schema),
        "title": f"{schema.record['name']}, version {schema.version}",
        "description": f"{schema.tree.doc} Bytes: 00, schema id {schema.id} in 4 bytes, Avro datum.",
        "headers": _HEADERS,
        "payload": {"schemaFormat": AVRO, "schema": _with_namespaces(schema.record)},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The subject: field {topic.key}, UTF-8."},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "bindingVersion": BINDING,
            }
        },
        "examples": [
            {"name": name.removesuffix(".json"), "payload": _as_read(schema, event)}
            for name, event in catalog.examples.get(schema.id, {}).items()
        ],
    }


def _with_namespaces(node: Any) -> Any:
    """Split full names into name and namespace: the same Avro, and the only form that AsyncAPI's schema allows."""
    if isinstance(node, list):
        return [_with_namespaces(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _with_namespaces(each) for key, each in node.items()}
    namespace, dot, name = str(node.get("name", "")).rpartition(".")
    return {**found, "name": name, "namespace": namespace} if dot and "type" in node else found


def _as_read(schema: Schema, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example as its reader sees it: personal values are ciphertext."""
    plain: dict[str, Any] = to_plain(event)
    return {
        name: _CIPHERTEXT if name in schema.personal and value is not None else value
        for name, value in plain.items()
    }
