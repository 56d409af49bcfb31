"""`doctor`: is everything there that a server needs, and if not, what to do."""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from app.commands.check_mongodb import of_mongodb
from app.commands.check_redis import of_redis
from app.commands.checks import of_mistakes, of_port, of_python, of_settings
from app.commands.command import DONE, WRONG, Command
from app.commands.finding import Finding, State, counted
from app.commands.output import Paint, answer, painter
from app.commands.surroundings import variables_here
from app.outside.log import set_up_logging
from app.settings_mistakes import SettingsError
from app.settings_reading import read_settings

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "red"}


def _arguments(parser: ArgumentParser) -> None:
    """Take nothing: it looks at what a server started here would use."""
    parser.epilog = "Exit code: 0 where nothing is wrong, even if it warns; 1 where there is a problem to fix."


async def _doctor(args: Namespace) -> int:
    findings = [finding async for finding in _findings()]
    ok = not any(finding.state is State.PROBLEM for finding in findings)
    body = {"ok": ok, "checks": [_as_object(finding) for finding in findings]}
    answer(body, "\n".join(_lines(findings, painter(sys.stdout))), as_json=args.json)
    return DONE if ok else WRONG


async def _findings() -> AsyncIterator[Finding]:
    for finding in of_python():
        yield finding
    try:
        variables = variables_here()
        settings = read_settings(variables)
    except SettingsError as error:
        for finding in of_mistakes(error):
            yield finding
        return
    set_up_logging(settings)
    for finding in (*of_settings(settings, variables), *of_port(settings)):
        yield finding
    async for finding in of_redis(settings):
        yield finding
    async for finding in of_mongodb(settings):
        yield finding


def _as_object(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "state": finding.state.value,
        "says": finding.says,
        "do": finding.do,
        "facts": finding.facts,
    }


def _lines(findings: list[Finding], paint: Paint) -> list[str]:
    lines = []
    for finding in findings:
        state = paint(COLOURS[finding.state], f"{finding.state.value:<8}")
        lines.append(f"{state} {finding.check:<16} {finding.says}")
        if finding.do:
            lines.append(f"{'':<25} {paint('bold', finding.do)}")
        if finding.check == "settings":
            lines += [_setting(name, fact, paint) for name, fact in finding.facts.items()]
    return [*lines, "", _summary(findings)]


def _summary(findings: list[Finding]) -> str:
    """Count what is not well; a warning is enough not to call all of it well."""
    of = Counter(finding.state for finding in findings)
    problems = f"{counted(of[State.PROBLEM], 'problem', 'problems')} to fix" if of[State.PROBLEM] else ""
    warnings = counted(of[State.WARNING], "warning", "warnings") if of[State.WARNING] else ""
    return f"{', '.join(filter(None, (problems, warnings))) or 'All is well'}."


def _setting(name: str, fact: dict[str, str], paint: Paint) -> str:
    return f"{'':<9}{name + '=' + fact['value']:<52} {paint('dim', fact['means'])}"


DOCTOR = Command("doctor", "look for what is wrong, and say what to do", _arguments, _doctor)
