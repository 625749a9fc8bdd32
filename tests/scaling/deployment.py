"""A deployment with two of everything, as processes on this machine, for tests of what grows by configuration."""

from __future__ import annotations

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tests.plumbing.accounts import account_maker
from tests.plumbing.forked_programs import (
    ForkedProgram,
    run_celery_command,
    run_gunicorn_command,
    run_scheduler,
)
from tests.plumbing.own_cluster import APP_PASSWORD, own_pgbouncer, own_rabbitmq, replica_of
from tests.plumbing.own_servers import PasswordServer, free_port, own_valkey, password_server
from tests.plumbing.programs import gateway, kill_group, wait_until
from tests.plumbing.sign_in import CSRF_MARK
from victim_gateway import times
from victim_gateway.services.accounts import web_sessions
from victim_gateway.vocabulary import Role

_PATIENCE_S = 60.0


class HttpBrowser:
    """What a browser keeps while it is sent now to the one web, now to the other."""

    def __init__(self, ports: list[int], token: str) -> None:
        """`token` is the value of the session's cookie, empty for a browser that is signed out."""
        self._ports = ports
        self._cookies = SimpleCookie({"session": token} if token else {})

    def open(self, web: int, path: str, **form: str | bytes) -> tuple[int, str]:
        """Open a page of one of the webs, or send it a form; its status and text. A redirect is followed."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._ports[web]}{path}")  # noqa: S310
        request.add_header("Cookie", self._cookies.output(header="", sep=";").strip())
        if form:
            request.data, kind = _as_multipart(form)
            request.add_header("Content-Type", kind)
        opener = urllib.request.build_opener(_NoRedirect())
        try:
            with opener.open(request, timeout=30) as answer:
                status, headers, text = answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, headers, text = error.code, error.headers, error.read().decode()
        for cookie in headers.get_all("Set-Cookie", []):
            self._cookies.load(cookie.partition(";")[0])
        return self.open(web, headers["Location"]) if status == 302 else (status, text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to the caller, who keeps the cookies."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@dataclass
class Deployment:
    """Two webs, two workers and two schedulers on the servers of `environment`."""

    environment: dict[str, str]
    primary: PasswordServer
    replica: PasswordServer
    folder: Path
    ports: list[int] = field(default_factory=list)
    programs: dict[str, ForkedProgram] = field(default_factory=dict)

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, name: str, program: Callable[[Sequence[str]], None], *arguments: str) -> None:
        """Start a program, and keep it by its name."""
        self.log_of(name).touch()
        self.programs[name] = ForkedProgram(
            program, arguments, environment=self.environment, output=self.log_of(name)
        )

    def kill(self, name: str) -> None:
        """kill -9 a program and all that it has started."""
        kill_group(self.programs.pop(name))

    def sign_in(self, role: Role) -> HttpBrowser:
        """A browser in which a new account of this role is signed in."""
        url = self.primary.url("postgres", "gateway").replace("://", "+psycopg://")
        engine = create_engine(url, poolclass=NullPool)

        @contextmanager
        def owner() -> Iterator[Session]:
            with Session(engine, expire_on_commit=False) as session:
                yield session
                session.commit()

        actor = account_maker(owner)(role)
        at = times.now()
        assert actor.user_id is not None
        with owner() as session:
            return HttpBrowser(
                self.ports, web_sessions.start_session(session, actor.user_id, at, second_factor_at=at)
            )

    def is_ready(self, web: int) -> bool:
        with suppress(OSError):
            return HttpBrowser(self.ports, "").open(web, "/health/ready")[0] == 200
        return False


def form_token(page: str) -> str:
    """The token against forged forms on a page."""
    return page.partition(CSRF_MARK)[2].partition('"')[0]


def _as_multipart(form: dict[str, str | bytes]) -> tuple[bytes, str]:
    mark = "a-boundary-of-this-form"
    parts = []
    for name, value in form.items():
        file = '; filename="feed.csv"\r\nContent-Type: text/csv' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


@contextmanager
def deployment(folder: Path, *, pgbouncer: bool, rabbitmq: bool) -> Iterator[Deployment]:
    """PostgreSQL with a replica, Valkey, where asked for PgBouncer and RabbitMQ, and two of each program."""
    with ExitStack() as stack:
        primary = stack.enter_context(password_server(folder))
        primary.run("CREATE DATABASE gateway TEMPLATE template0 ENCODING 'UTF8'")
        environment = {
            **{name: value for name, value in os.environ.items() if name != "GATEWAY_ENV"},
            "GATEWAY_HOME": str(folder / "home"),
            "DATABASE_URL": primary.url("postgres", "gateway"),
            "REDIS_URL": stack.enter_context(own_valkey(folder)),
        }
        done = gateway("db", "upgrade", environment=environment)
        assert done.returncode == 0, done.stderr
        primary.run(f"ALTER ROLE gateway_app PASSWORD '{APP_PASSWORD}'")
        replica = stack.enter_context(replica_of(primary, folder))
        address = stack.enter_context(own_pgbouncer(primary, folder)) if pgbouncer else primary.address
        environment |= {
            "DATABASE_URL": f"postgresql://gateway_app:{APP_PASSWORD}@{address}/gateway",
            "DATABASE_POOLING": "transaction" if pgbouncer else "session",
            "DATABASE_REPLICA_URL": replica.url("gateway_app", "gateway", APP_PASSWORD),
        }
        if rabbitmq:
            environment["BROKER_URL"] = stack.enter_context(own_rabbitmq(folder))
        made = Deployment(environment, primary, replica, folder)
        try:
            _start_programs(made)
            yield made
        finally:
            for name in list(made.programs):
                made.kill(name)


def _start_programs(made: Deployment) -> None:
    made.ports = [free_port(), free_port()]
    work = ("-A", "workers", "worker", "-c", "1", "--without-mingle")
    for number, port in enumerate(made.ports):
        serve = ("-w", "1", "-k", "gthread", "--threads", "4", "-b", f"127.0.0.1:{port}")
        made.start(f"web {number}", run_gunicorn_command, *serve, "--no-control-socket", "wsgi:app")
        made.start(f"worker {number}", run_celery_command, *work)
        made.start(f"scheduler {number}", run_scheduler)
    for number in range(2):
        wait_until(lambda web=number: made.is_ready(web), _PATIENCE_S, made.log_of(f"web {number}"))
