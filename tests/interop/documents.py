# SPDX-License-Identifier: Apache-2.0
"""A service's OpenAPI document, held against what the service answers: a status, a member
or a type that the document does not know fails the test that saw it."""
import fnmatch
import re
import uuid

import jsonschema

from wire import TIME

formats = jsonschema.FormatChecker(formats=())
formats.checks("date-time")(lambda text: not isinstance(text, str) or TIME.fullmatch(text))
formats.checks("uuid", ValueError)(lambda text: not isinstance(text, str) or uuid.UUID(text))


class Document:
    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        """The node with references followed, in the JSON Schema that OpenAPI 3.0's dialect
        means: nullable is a type, and an object has the members it lists and no others."""
        if isinstance(node, list):
            return [self.resolve(child) for child in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self.resolve(target)
        made = {key: self.resolve(value) for key, value in node.items()}
        if made.pop("nullable", False) is True:
            made["type"] = [made["type"], "null"]
        if "properties" in made and isinstance(made.get("type"), str):
            made.setdefault("additionalProperties", False)
        return made

    def operation(self, method, path):
        for pattern, operations in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{[^/}]+\}", "[^/]+", pattern) + "/?", path):
                return operations.get(method.lower())
        return None

    def response(self, method, path, status):
        """The documented answer; for what no document can list, the error of all."""
        operation = self.operation("GET" if method == "HEAD" else method, path)
        if operation is None:
            return self.document["components"]["responses"]["Error"]
        known = operation["responses"]
        found = known.get(str(status)) or (known.get("default") if status >= 400 else None)
        assert found, f"{method} {path} answers {status}; its document does not say so"
        return found

    def check(self, method, path, answer):
        if method in ("HEAD", "OPTIONS") or answer.status == 304:
            return
        response = self.resolve(self.response(method, path, answer.status))
        kinds = response.get("content", {})
        kind = answer.headers.get_content_type()
        assert any(fnmatch.fnmatchcase(kind, known) for known in kinds), f"{method} {path}: {kind} is not among {list(kinds)}"
        if kind == "application/json":
            jsonschema.Draft4Validator(kinds[kind]["schema"],
                                       format_checker=formats).validate(answer.json)
