"""Finds the rules of `streams/domains/*/agents.py` and of further modules, and every raw topic.

Agents read every raw topic, even one without rules: they verify the provenance of its events (`streams.provenance`).
"""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Mapping, Sequence

import streams.domains
from schemas.catalog import Catalog
from streams.agents import Handler, handlers_of
from streams.config import StreamsConfig


def discover(config: StreamsConfig, catalog: Catalog) -> Mapping[str, Sequence[Handler]]:
    """Import the modules that declare rules and return the rules by topic.

    Args:
        config: Whether the packaged domains are read, and further modules.
        catalog: Topics.

    Returns:
        The rules of each topic, in the order of their modules' names and sources. A raw topic may have none.
    """
    names = list(config.extra_agents)
    if config.domains:
        found = pkgutil.iter_modules(streams.domains.__path__, "streams.domains.")
        names += [f"{each.name}.agents" for each in found if each.ispkg and _has_agents(each.name)]
    by_topic: defaultdict[str, list[Handler]] = defaultdict(list)
    if config.domains:
        by_topic.update((topic.name, []) for topic in catalog.topics.values() if topic.kind == "raw")
    for name in sorted(set(names)):
        for handler in handlers_of(importlib.import_module(name)):
            by_topic[handler.topic].append(handler)
    return by_topic


def _has_agents(package: str) -> bool:
    module = importlib.import_module(package)
    return any(each.name == "agents" for each in pkgutil.iter_modules(module.__path__))
