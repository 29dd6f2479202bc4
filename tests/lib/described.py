# SPDX-License-Identifier: MIT
"""Requests held against the descriptions in tests/data/openapi, as strictly as those allow.

A request has to be an operation of its service (with the corrections that are inferred there, never
a form that is printed wrongly), its parameters described, given where they are required and of
their type, its body as the schema says, without members that the schema does not name.

    service = described.Service("workdrive")
    service.breaches("PATCH", "/api/users/u1", '{"statsu":"ARCHIVE"}')
    --> ("users_update", ["body.statsu is not described"])
"""
import json
import os
import re
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}
UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
FORMATS = {"uuid": UUID, "date": r"\d{4}-\d\d-\d\d", "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
           "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "uri": r"https?://\S+",
           "int32": r"-?\d+", "int64": r"-?\d+"}
# Printed wrongly, or with the path of another operation: these forms are never to be sent.
WRONG = {"documents_update", "documents_delete", "locations_create", "messages_create_meeting"}


class Operation:
    def __init__(self, method, path, spec, parameters):
        self.method, self.spec, self.printed = method.upper(), spec, spec["operationId"]
        self.names = re.findall(r"\{(\w+)\}", path)
        self.pattern = re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path)) + "$")
        self.parameters = parameters

    def of(self, place):
        return {p["name"]: p for p in self.parameters if p["in"] == place}


class Service:
    def __init__(self, name):
        with open(os.path.join(HERE, os.pardir, "data", "openapi", name + ".json"), encoding="utf-8") as file:
            self.root = json.load(file)
        found = []
        for path, item in self.root["paths"].items():
            for method, spec in item.items():
                if isinstance(spec, dict) and "operationId" in spec:
                    parameters = item.get("parameters", []) + spec.get("parameters", [])
                    found.append(Operation(method, path, spec, [self.resolve(one) for one in parameters]))
        self.operations = sorted(found, key=lambda operation: len(operation.names))

    def ids(self):
        """Every documented operation, those that share method and path with another as well."""
        twins = {twin["operationId"] for o in self.operations for twin in o.spec.get("x-variants", ())}
        return {re.sub("_alt$", "", operation.printed) for operation in self.operations} | twins

    def resolve(self, node):
        while "$ref" in node:
            target = self.root
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    # --- values -----------------------------------------------------------------------------

    def misfits(self, schema, value, where):
        """What of a JSON value does not fit, as a list of texts."""
        schema = self.resolve(schema)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return min((self.misfits(one, value, where) for one in schema[choice]), key=len)
        if value is None:
            return [] if schema.get("nullable") or not schema.get("type") else [where + " is null"]
        out = [text for part in schema.get("allOf", ()) for text in self.misfits(part, value, where)]
        wanted = schema.get("type")
        if wanted and (not isinstance(value, TYPES[wanted]) or isinstance(value, bool) and wanted != "boolean"):
            return out + ["%s: %r is no %s" % (where, value, wanted)]
        if value not in schema.get("enum", [value]):
            out.append("%s: %r is none of %s" % (where, value, schema["enum"]))
        if isinstance(value, str) and not re.fullmatch(FORMATS.get(schema.get("format"), r"(?s:.*)"), value):
            out.append("%s: %r is no %s" % (where, value, schema["format"]))
        if not isinstance(value, (str, bool, list, dict)) and value < schema.get("minimum", value):
            out.append("%s: %r is below %s" % (where, value, schema["minimum"]))
        if isinstance(value, dict):
            out += self.members(schema, value, where)
        if isinstance(value, list):
            for n, item in enumerate(value):
                out += self.misfits(schema.get("items", {}), item, "%s[%d]" % (where, n))
        return out

    def members(self, schema, value, where):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        out = ["%s.%s is missing" % (where, name) for name in schema.get("required", ()) if name not in value]
        for name, member in value.items():
            if name in known:
                out += self.misfits(known[name], member, where + "." + name)
            elif isinstance(others, dict):
                out += self.misfits(others, member, where + "." + name)
            elif known and not others or others is False:
                out.append("%s.%s is not described" % (where, name))
        return out

    def of_text(self, schema, text, where):
        """The same for a value in a path or a query, which is text there."""
        schema = self.resolve(schema)
        kind = schema.get("type")
        if kind == "array":
            return [miss for part in text.split(",") for miss in self.of_text(schema["items"], part, where)]
        if kind == "integer" and re.fullmatch(r"-?\d+", text):
            return self.misfits(schema, int(text), where)
        if kind == "boolean" and text in ("true", "false"):
            return self.misfits(schema, text == "true", where)
        return self.misfits(schema, text, where)

    # --- requests ---------------------------------------------------------------------------

    def find(self, method, path):
        for operation in self.operations:
            found = operation.pattern.match(path)
            if found and operation.method == method:
                return operation, [urllib.parse.unquote(part) for part in found.groups()]
        return None, []

    def breaches(self, method, target, body):
        """The id of the operation, None where it is none; and what is wrong with the request."""
        parts = urllib.parse.urlsplit(target)
        operation, ids = self.find(method, parts.path)
        if not operation:
            return None, ["%s %s is not described" % (method, parts.path)]
        printed, misfits = self.of_body(operation, body)
        out = ["%s is not to be sent in this form" % printed] if printed in WRONG else []
        described = operation.of("path")
        for name, text in zip(operation.names, ids):
            if text in ("", "id"):
                out.append("%s: %r is no id" % (name, text))
            out += self.of_text(described[name]["schema"], text, name)
        return re.sub("_alt$", "", printed), out + self.of_query(operation, parts.query) + misfits

    def of_query(self, operation, query):
        out, given = [], urllib.parse.parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
        described = operation.of("query")
        for name, values in given.items():
            if name not in described:
                out.append("the parameter %s is not described" % name)
            elif len(values) > 1:
                out.append("the parameter %s is there twice" % name)
            else:
                out += self.of_text(described[name]["schema"], values[0], name)
        missing = [name for name, one in described.items() if one.get("required") and name not in given]
        return out + ["the parameter %s is missing" % name for name in missing]

    def of_body(self, operation, body):
        """The operation as it is printed, and what is wrong. Of several with the same method and
        path it is the one that the body fits best."""
        wanted = self.resolve(operation.spec.get("requestBody", {}))
        if not body or not wanted:
            wrong = "a body, where none is described" if body else "the body is missing"
            return operation.printed, [wrong] if body or wanted.get("required") else []
        try:
            value = json.loads(body)
        except ValueError as error:
            return operation.printed, ["the body: %s" % error]
        forms = {twin["operationId"]: {"$ref": twin["request"]} for twin in operation.spec.get("x-variants", ())}
        forms = forms or {operation.printed: wanted["content"]["application/json"]["schema"]}
        found = [(printed, self.misfits(schema, value, "body")) for printed, schema in forms.items()]
        return min(found, key=lambda one: len(one[1]))
