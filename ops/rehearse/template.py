"""A CloudFormation template: read, its parameters checked, its functions evaluated. Pure.

    template = parse(text)
    values = parameter_values(template, {"AppName": "Popdesk", ...})
    scope = Scope(values, template.get("Conditions", {}), pseudo={"AWS::Region": "us-east-1", ...}, ref=..., attribute=...)
    scope.resolve(template["Resources"]["Lookup"]["Properties"])
    in_order(template["Resources"])           # names, each after those that it refers to

It knows the functions that our template has: another one is a TemplateError. docs.aws.amazon.com/AWSCloudFormation/latest/
TemplateReference/intrinsic-function-reference.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

Template = dict[str, Any]

_PLACE = re.compile(r"\$\{([^!}][^}]*)\}")
_REMOVED = object()  # AWS::NoValue
_PSEUDO = (
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
)


class TemplateError(Exception):
    """What CloudFormation refuses in a template or its parameters, in words."""


# libyaml's takes a tenth of the time; a wheel without it has the other alone.
_FastestLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FastestLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML with CloudFormation's short forms: !Ref, !Sub, !GetAtt ..."""


def _construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct)


@lru_cache(maxsize=8)
def parse(text: str) -> Template:
    """Return the template, which is not to be changed: whoever asks for the same text has it too.

    Raises TemplateError where it is no YAML or has no resources.
    """
    try:
        template = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: {error}") from None
    if not isinstance(template, dict) or not template.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    unknown = set(references(template["Resources"])) | set(references(template.get("Outputs", {})))
    unknown -= {*template["Resources"], *template.get("Parameters", {}), *_PSEUDO}
    if unknown:
        raise TemplateError(f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unknown))}]")
    return template


def parameter_values(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return each parameter's value. Raises TemplateError as CloudFormation refuses them."""
    declared: dict[str, dict[str, Any]] = template.get("Parameters", {})
    if surplus := sorted(given.keys() - declared.keys()):
        raise TemplateError(f"Parameters: [{', '.join(surplus)}] do not exist in the template")
    values = {name: str(given.get(name, about.get("Default", _REMOVED))) for name, about in declared.items()}
    if missing := sorted(name for name, about in declared.items() if name not in given and "Default" not in about):
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, about in declared.items():
        value = values[name]
        if problem := _parameter_problem(about, value):
            raise TemplateError(f"Parameter '{name}' {problem}")
    return values


def _parameter_problem(about: dict[str, Any], value: str) -> str:
    if len(value.encode()) > 4096:
        return "is longer than 4096 bytes"
    if "AllowedValues" in about and value not in [str(each) for each in about["AllowedValues"]]:
        return f"must be one of AllowedValues {about['AllowedValues']}"
    if "AllowedPattern" in about and not re.fullmatch(about["AllowedPattern"], value):
        return f"must match pattern {about['AllowedPattern']}"
    if about["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return "must be a number"
        if not about.get("MinValue", number) <= number <= about.get("MaxValue", number):
            return "must be within MinValue and MaxValue"
    return ""


@dataclass
class Scope:
    """What the functions of a template refer to.

    `ref(name)` returns a resource's physical id and `attribute(name, attribute)` an attribute of it; both may raise KeyError.
    """

    template: Template
    parameters: Mapping[str, str]
    pseudo: Mapping[str, str]
    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    _conditions: dict[str, bool] = field(default_factory=dict)

    def resolve(self, node: Any) -> Any:
        """Return a part of the template with its functions evaluated, without what is AWS::NoValue."""
        value = self._value(node)
        return None if value is _REMOVED else value

    def condition(self, name: str) -> bool:
        """Return whether a condition holds."""
        if name not in self._conditions:
            try:
                self._conditions[name] = bool(self._value(self.template.get("Conditions", {})[name]))
            except KeyError:
                raise TemplateError(f"Template error: there is no condition {name}") from None
        return self._conditions[name]

    def exists(self, name: str) -> bool:
        """Return whether a resource's condition holds, or it has none."""
        wanted = self.template["Resources"][name].get("Condition")
        return wanted is None or self.condition(wanted)

    def _value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for value in map(self._value, node) if value is not _REMOVED]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        values = {name: self._value(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value is not _REMOVED}

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Fn::If":
                condition, then, otherwise = argument
                return self._value(then if self.condition(condition) else otherwise)
            case "Fn::Equals":
                one, other = (self._value(each) for each in argument)
                return one == other
            case "Fn::Not":
                return not self._value(argument[0])
            case "Fn::And":
                return all(map(self._value, argument))
            case "Fn::Join":
                return argument[0].join(str(each) for each in self._value(argument[1]))
            case "Fn::GetAtt":
                return self.attribute(*argument)
            case "Fn::Sub":
                text, more = (argument, {}) if isinstance(argument, str) else argument
                return self._substitute(text, {each: self._value(value) for each, value in more.items()})
        raise TemplateError(f"the rehearsal does not know {name}")

    def _substitute(self, text: str, more: Mapping[str, Any]) -> str:
        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name in more:
                return str(more[name])
            resource, dot, attribute = name.partition(".")
            return str(self.attribute(resource, attribute) if dot else self._ref(name))

        return _PLACE.sub(put, text).replace("${!", "${")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _REMOVED
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            value = self.parameters[name]
            if self.template["Parameters"][name]["Type"] == "CommaDelimitedList":
                return [each.strip() for each in value.split(",")]
            return value
        return self.ref(name)


def references(node: Any) -> Iterator[str]:
    """Yield the names that a part of a template refers to, those of pseudo parameters too."""
    if isinstance(node, list):
        for each in node:
            yield from references(each)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "Ref" and isinstance(value, str):
                yield value
            elif name == "Fn::GetAtt":
                yield value[0]
            elif name == "Fn::Sub":
                text, more = (value, {}) if isinstance(value, str) else value
                yield from (found.partition(".")[0] for found in _PLACE.findall(text) if found not in more)
                yield from references(more)
            else:
                yield from references(value)


def needed_by(resource: dict[str, Any], resources: Mapping[str, Any]) -> set[str]:
    """Return the names of the resources that one refers to or names in DependsOn."""
    named = resource.get("DependsOn", [])
    return {*references(resource), *([named] if isinstance(named, str) else named)} & resources.keys()


def in_order(resources: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the resources' names, each after those that it needs. Raises TemplateError for a circle."""
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise TemplateError(f"Circular dependency between resources: [{', '.join(path[path.index(name) :])}]")
        if name not in done:
            for needed in sorted(needed_by(resources[name], resources)):
                visit(needed, (*path, name))
            done[name] = None

    for name in resources:
        visit(name, ())
    return list(done)
