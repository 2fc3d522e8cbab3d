r"""Adblock syntax as AdGuard's DNS filtering has it: ``||x^``, patterns, ``/expressions/``, ``@@`` and modifiers behind ``$``.

``||x^`` blocks x and everything below it, ``|x^`` x alone, and ``@@`` in front of either allows; in an allowlist every rule
allows. A bare name is that name alone, whatever stands behind it: AdGuard Home takes it for a part of names as soon as it
has a modifier, an underscore or a final dot, which nobody means. What is not understood drops its rule: none is half applied.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists import domains, foreign
from mirage_hole.lists.addresses import BadAddress, read_network
from mirage_hole.lists.expression import MAX_EXPRESSION, BadExpression, is_too_wide, read_expression
from mirage_hole.lists.line import Findings, Found, Problem, found
from mirage_hole.lists.modifiers import MODIFIERS, PLAIN, BadModifier, Modifiers, read_modifiers, unescaped
from mirage_hole.lists.octets import networks_of
from mirage_hole.lists.pattern import BadPattern, Subject, read_pattern
from mirage_hole.lists.rule import Action, RichRule, Scope, Target
from mirage_hole.lists.spelling import LOCAL_NAMES
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(rb"\|\|((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)\^\|?[ \t\r\n]*+")
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

_COMMENT = re.compile(r"(?<=\s)[#!].*", re.DOTALL)
_QUOTED = re.compile(r"('(?:[^'\\]|\\.)*+(?:'|\\?\Z)|\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z))|(?<=\s)[#!].*", re.DOTALL)
_BARE = re.compile(r"[^|^*/$\s#]++")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,63}")
_REGEX = re.compile(r"/(.+)/(?:\$(.*))?", re.DOTALL)
_ENDED = re.compile(r"[^\s/^$]++\^\|?")
_PATTERN = re.compile(r"[\w.*:-]++|/.+/", re.DOTALL)
_OPTIONS = re.compile(rf"/\$(?=(?:{'|'.join(sorted(MODIFIERS))})(?:[=,]|\Z))")
_OPTIONAL = re.compile(r"\((?:\?:)?((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+)\)\?")
_ALTERNATIVE = re.compile(r"(?:[^()\\|]|\\.|\((?:[^()\\]|\\.)*+\))*+")
_URL = re.compile(r":\\?/\\?/")


def looks_so(text: str) -> bool:
    """Whether a line can hardly be in any other format."""
    if text.startswith(("|", "@@")):
        return True
    pattern, dollar, options = text.rpartition("$") if text[0] == "/" else text.partition("$")
    if not dollar:
        return _ENDED.fullmatch(text) is not None
    return (_PATTERN.fullmatch(pattern) or _ENDED.fullmatch(pattern)) is not None and any(
        one.partition("=")[0] in MODIFIERS for one in options.split(",")
    )


def read(text: str, action: Action) -> Findings:
    """The rule of one line in Adblock syntax; several if an expression stands for several networks."""
    line = _without_comment(text)
    body = line.removeprefix("@@")
    rule_action = Action.ALLOW if body != line else action
    if foreign.is_cosmetic(body):
        return [Problem("a cosmetic filter: it hides parts of a page, DNS can't", line)]
    expression = _expression(body)
    try:
        if expression is None and _BARE.fullmatch(body):
            return _bare(body, rule_action, line)
        if expression is not None:
            modifiers = _modifiers(expression[1], rule_action, action)
            return [
                _rule(one, modifiers, rule_action, line)
                for one in _of_expression(expression[0], modifiers, rule_action)
            ]
        pattern, dollar, options = body.partition("$")
        if not body:
            return [Problem("no name", line)]
        modifiers = _modifiers(options if dollar else None, rule_action, action)
        subject = read_pattern(pattern, rule_action, narrowed=modifiers.narrows)
        return [_rule(subject, modifiers, rule_action, line)]
    except (BadModifier, BadPattern, BadExpression) as problem:
        return [Problem(str(problem), line)]


def _expression(body: str) -> tuple[str, str | None] | None:
    """What stands between slashes, and its modifiers if it has some; None for any other rule."""
    if body[:1] != "/":
        return None
    options = _OPTIONS.search(body, 2)
    if options is not None:
        return body[1 : options.start()], body[options.end() :]
    found = _REGEX.fullmatch(body)
    return None if found is None else (found[1], found[2])


def _without_comment(text: str) -> str:
    """The text before a ``#`` or ``!`` that follows space; in the quotation marks of ``$client`` there is none."""
    if "client=" not in text:
        return _COMMENT.sub("", text, count=1).rstrip()
    return _QUOTED.sub(lambda piece: piece[1] or "", text).rstrip()


def _bare(name: str, action: Action, line: str) -> Findings:
    """The rule of a line that is just a name."""
    word = _WORD.fullmatch(name)
    if word is not None and name.lower() not in LOCAL_NAMES:
        return [found(name, action, Scope.EXACT)]
    if name[0] == "." or (name[-1] == "." and _WORD.fullmatch(name[:-1])):  # a piece of names
        return [_rule(read_pattern(name, action), PLAIN, action, line)]
    return domains.read(name, action)


def _modifiers(options: str | None, action: Action, kind: Action) -> Modifiers:
    """The modifiers of a rule; ``kind`` is what a plain line of its list does."""
    if options is None:
        return PLAIN
    modifiers = read_modifiers(unescaped(options, "$"), action)
    if modifiers.rewrite is not None and kind is Action.ALLOW:
        raise BadModifier("$dnsrewrite in an allowlist; in a blocklist it may stand")  # noqa: EM101
    return modifiers


def _rule(subject: Subject, modifiers: Modifiers, action: Action, line: str) -> Found | RichRule:
    target, text, scope = subject
    if target is Target.ADDRESS and (modifiers.denyallow or modifiers.rewrite is not None):
        raise BadModifier("$denyallow and $dnsrewrite are about names, not about the addresses of answers")  # noqa: EM101
    if target is Target.NAME and modifiers == PLAIN._replace(important=modifiers.important):
        return Found(from_text(text), action, scope, important=modifiers.important)
    return RichRule(line, action, target, text, scope, **modifiers._asdict())


def _of_expression(text: str, modifiers: Modifiers, action: Action) -> Iterable[Subject]:
    """What an expression is about: names, or the networks that it spells out."""
    if len(text) > MAX_EXPRESSION:
        message = f"an expression of more than {MAX_EXPRESSION} characters"
        raise BadExpression(message)
    expression = _OPTIONAL.sub(_without_urls, text) if "/" in text else text
    networks = networks_of(expression)
    if networks:
        try:
            return [Subject(Target.ADDRESS, read_network(one, action)) for one in networks]
        except BadAddress as problem:
            raise BadExpression(str(problem)) from None
    expression = read_expression(expression)
    if not modifiers.narrows and is_too_wide(expression):
        raise BadExpression("an expression that nearly every name fits")  # noqa: EM101
    return [Subject(Target.REGEX, expression)]


def _without_urls(optional: re.Match[str]) -> str:
    """An optional group without those of its alternatives that hold ``://``: no name does."""
    content = optional[1]
    if not _URL.search(content):
        return optional[0]
    kept = []
    at = 0
    while at <= len(content):
        alternative = _ALTERNATIVE.match(content, at)
        assert alternative is not None
        if not _URL.search(alternative[0]):
            kept.append(alternative[0])
        at = alternative.end() + 1
    return f"({'|'.join(kept)})?" if kept else ""
