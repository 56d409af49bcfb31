"""`revoke-key`, `deactivate-user`, `activate-user`, `end-sessions`, `set-password`: who is let in from now on.

Servers hear of it by the doorbell at once where there is Redis, else by a note in the database within 5 s.
"""

from argparse import ArgumentParser, Namespace

from app.actions.activate_user import activate_user
from app.actions.deactivate_user import deactivate_user
from app.actions.end_sessions import end_sessions
from app.actions.look_up import key_called, user_called
from app.actions.revoke_key import revoke_key
from app.actions.set_password import set_password
from app.commands.arguments import password, take_password
from app.commands.command import DONE, Command
from app.commands.output import answer
from app.commands.surroundings import hub_here


def _key_argument(parser: ArgumentParser) -> None:
    parser.add_argument("key", help="the key's id or its first 12 characters, as list-keys shows them")


async def _revoke_key(args: Namespace) -> int:
    async with hub_here() as hub:
        key = await key_called(hub, args.key)
        key = await revoke_key(hub, key.company_id, key.id)
    sentence = f"The key of {key.name}, {key.prefix}…, is worth nothing any more, and its sockets are closed."
    answer({"key_id": key.id, "revoked_at": key.revoked_at}, sentence, as_json=args.json)
    return DONE


def _user_argument(parser: ArgumentParser) -> None:
    parser.add_argument("user", help="the person's e-mail address, or id")


async def _deactivate_user(args: Namespace) -> int:
    async with hub_here() as hub:
        user = await user_called(hub, args.user)
        await deactivate_user(hub, user.company_id, user.id)
    sentence = f"{user.email} is signed out everywhere, and cannot sign in. What they wrote stays."
    answer({"user_id": user.id}, sentence, as_json=args.json)
    return DONE


async def _activate_user(args: Namespace) -> int:
    async with hub_here() as hub:
        user = await user_called(hub, args.user)
        await activate_user(hub, user.company_id, user.id)
    answer({"user_id": user.id}, f"{user.email} may sign in again.", as_json=args.json)
    return DONE


async def _end_sessions(args: Namespace) -> int:
    async with hub_here() as hub:
        user = await user_called(hub, args.user)
        ended = await end_sessions(hub, user.company_id, user.id)
    sentence = f"{user.email} is signed out everywhere: {ended} {'sign-in' if ended == 1 else 'sign-ins'} ended."
    answer({"user_id": user.id, "ended": ended}, sentence, as_json=args.json)
    return DONE


def _password_arguments(parser: ArgumentParser) -> None:
    _user_argument(parser)
    take_password(parser)


async def _set_password(args: Namespace) -> int:
    given = password(from_stdin=args.password_stdin)
    async with hub_here() as hub:
        user = await user_called(hub, args.user)
        await set_password(hub, user.company_id, user.id, given)
    sentence = f"{user.email} is signed out everywhere, and signs in with the new password."
    answer({"user_id": user.id}, sentence, as_json=args.json)
    return DONE


REVOKE_KEY = Command("revoke-key", "end an API key, and close its sockets", _key_argument, _revoke_key)
DEACTIVATE_USER = Command(
    "deactivate-user", "let a person go: signed out everywhere, never let in", _user_argument, _deactivate_user
)
ACTIVATE_USER = Command("activate-user", "let a person in again who was let go", _user_argument, _activate_user)
END_SESSIONS = Command("end-sessions", "sign a person out everywhere", _user_argument, _end_sessions)
SET_PASSWORD = Command(
    "set-password", "give a person another password, and sign them out everywhere", _password_arguments, _set_password
)
