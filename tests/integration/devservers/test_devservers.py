"""The embedded servers: shared, kept, gone with their last user, whatever is killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from config import Settings, load_settings
from tests.plumbing import ROOT
from tests.plumbing.programs import wait_until
from victim_gateway.devservers import EmbeddedServerError, SharedServers, embedded_servers, privileges
from victim_gateway.devservers.home import Home, read_json
from victim_gateway.devservers.locks import is_locked
from victim_gateway.devservers.processes import command_line, end_leftover

# prints "ready" and the URLs, then uses the servers until it is told to stop
_USER = """
import sys
from config import load_settings
from victim_gateway.devservers import embedded_servers
with embedded_servers(load_settings()) as settings:
    print(settings.database_owner_url, settings.redis_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def fresh_settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home in which there is nothing yet."""
    settings = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(tmp_path / "home")})
    yield settings
    wait_until(lambda: not _running(settings), 20)


@pytest.fixture(scope="module")
def made_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a cluster that was made and stopped."""
    home = tmp_path_factory.mktemp("made") / "home"
    with embedded_servers(load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(home)})):
        pass
    return home / "pg"


@pytest.fixture
def settings(fresh_settings: Settings, made_cluster: Path) -> Settings:
    """Settings of a home whose cluster was made before: a copy, as to make one takes ten times as long."""
    fresh_settings.home.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", made_cluster, fresh_settings.home / "pg"], check=True)
    return fresh_settings


def test_both_servers_answer_and_are_gone_afterwards(fresh_settings: Settings) -> None:
    with embedded_servers(fresh_settings) as filled:
        assert _select_one(filled) == 1
        assert redis.Redis.from_url(str(filled.redis_url)).ping()
        assert _running(fresh_settings)
    assert not _running(fresh_settings)


def test_data_and_ports_are_those_of_last_time(settings: Settings) -> None:
    with embedded_servers(settings) as first:
        with _connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with redis.Redis.from_url(str(first.redis_url)) as broker:
            broker.set("kept", "42")
    with embedded_servers(settings) as second:
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)
        with _connect(second) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(str(second.redis_url)) as broker:
            assert broker.get("kept") == b"42"


def test_valkey_refuses_who_has_no_password(settings: Settings) -> None:
    with embedded_servers(settings) as filled:
        port = urlsplit(str(filled.redis_url)).port
        for url in (f"redis://127.0.0.1:{port}/0", f"redis://:wrong@127.0.0.1:{port}/0"):
            with redis.Redis.from_url(url) as client, pytest.raises(redis.AuthenticationError):
                client.lpush("default", "not json")
        with redis.Redis.from_url(str(filled.redis_url)) as broker:
            assert broker.llen("default") == 0


def test_the_password_is_each_homes_own_and_stands_only_where_its_account_can_read(
    settings: Settings, tmp_path: Path
) -> None:
    other = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(tmp_path / "other")})
    with embedded_servers(settings) as one, embedded_servers(other) as two:
        password = str(urlsplit(str(one.redis_url)).password)
        assert len(password) >= 32
        assert password != urlsplit(str(two.redis_url)).password
        assert not _is_in_a_command_line(password)
    holders = [
        path for path in settings.home.rglob("*") if path.is_file() and password.encode() in path.read_bytes()
    ]
    assert sorted(path.name for path in holders) == ["valkey.conf", "valkey.password"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_a_home_of_an_earlier_release_gets_a_password_and_keeps_its_queues(settings: Settings) -> None:
    with (
        embedded_servers(settings) as first,
        redis.Redis.from_url(str(first.redis_url)) as broker,
    ):
        broker.set("kept", "42")
    for name in ("valkey.password", "run/valkey.conf"):
        (settings.home / name).unlink()
    with (
        embedded_servers(settings) as second,
        redis.Redis.from_url(str(second.redis_url)) as broker,
    ):
        assert broker.get("kept") == b"42"
    assert urlsplit(str(second.redis_url)).password


def test_urls_that_are_given_start_nothing(settings: Settings, tmp_path: Path) -> None:
    home = str(tmp_path / "none")
    given = {"DATABASE_URL": "postgresql://h/gw", "REDIS_URL": "redis://h", "GATEWAY_HOME": home}
    with embedded_servers(load_settings(given)) as filled:
        assert filled == load_settings(given)
    assert not (tmp_path / "none").exists()


def test_only_the_server_without_a_url_is_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = load_settings(
        {"GATEWAY_ENV": "test", "DATABASE_URL": "postgresql://h/gw", "GATEWAY_HOME": str(home)}
    )
    with embedded_servers(given) as filled:
        assert filled.database_url == given.database_url
        assert redis.Redis.from_url(str(filled.redis_url)).ping()
        assert not (home / "pg").exists()


def test_several_users_share_one_pair_and_the_last_one_stops_it(settings: Settings) -> None:
    with _user(settings) as one, _user(settings) as two:
        assert one.stdout and two.stdout
        assert one.stdout.readline() == two.stdout.readline()
        _leave(one)
        with embedded_servers(settings) as filled:
            assert _select_one(filled) == 1
        assert _running(settings)
        _leave(two)
    assert not _running(settings)


def test_a_user_that_is_killed_leaves_nothing_running(settings: Settings) -> None:
    with _user(settings) as user:
        assert user.stdout and user.stdout.readline()
        user.kill()
        user.wait()
        wait_until(lambda: not _running(settings), 15)


def test_a_killed_keeper_takes_its_servers_along_and_the_next_user_starts_again(settings: Settings) -> None:
    with SharedServers(settings) as servers:
        before = servers.settings
        with _connect(before) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(read_json(Home(settings.home).state_file)["keeper"], signal.SIGKILL)
        wait_until(lambda: not is_locked(Home(settings.home).keeper_lock), 5)
        servers.ensure_running()
        assert servers.settings == before
        with _connect(servers.settings) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_server_that_falls_over_is_started_again_on_its_port(settings: Settings) -> None:
    with embedded_servers(settings) as filled:
        pid = int((settings.home / "pg" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: _answers(filled), 30)


def test_the_pid_file_of_a_machine_that_lost_power_is_no_hindrance(settings: Settings) -> None:
    with embedded_servers(settings):
        pass
    # this very process is alive and is no PostgreSQL
    (settings.home / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with embedded_servers(settings) as filled:
        assert _select_one(filled) == 1


def test_a_cluster_that_was_being_made_at_a_kill_is_made_anew(fresh_settings: Settings) -> None:
    half_made = fresh_settings.home / "pg.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with embedded_servers(fresh_settings) as filled:
        assert _select_one(filled) == 1


def test_two_homes_do_not_meet(settings: Settings, tmp_path: Path) -> None:
    other = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(tmp_path / "other")})
    with embedded_servers(settings) as one, embedded_servers(other) as two:
        assert one.database_url != two.database_url
        assert one.redis_url != two.redis_url
        assert _select_one(one) == _select_one(two) == 1


def test_a_port_that_somebody_has_taken_meanwhile_is_given_up(settings: Settings) -> None:
    with embedded_servers(settings) as first:
        port = _port(first)
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as squatter:
        try:
            time.sleep(0.5)
            with embedded_servers(settings) as second:
                assert _port(second) != port
                assert _select_one(second) == 1
        finally:
            squatter.kill()


def test_a_home_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bad = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(tmp_path / "file" / "home")})
    with (
        pytest.raises(EmbeddedServerError, match="^GATEWAY_HOME can't be made") as caught,
        embedded_servers(bad),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_becomes_nobody_where_user_namespaces_are_barred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a folder of programs without unshare: as on a machine that bars it
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("setpriv", "true"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(programs))
    privileges._works.cache_clear()
    home = load_settings({"GATEWAY_ENV": "test", "GATEWAY_HOME": str(tmp_path / "closed" / "home")})
    (tmp_path / "closed").mkdir(mode=0o700)
    try:
        with embedded_servers(home) as filled:
            assert _select_one(filled) == 1
            assert (home.home / "pg").stat().st_uid != 0
        # and back again: the account that owns the files is taken, whatever the machine allows now
        monkeypatch.undo()
        privileges._works.cache_clear()
        with embedded_servers(home) as filled:
            assert _select_one(filled) == 1
    finally:
        privileges._works.cache_clear()


def test_an_earlier_process_is_told_by_its_command_line_and_ended() -> None:
    with _sleeper("a-mark") as leftover:
        assert "a-mark" in command_line(leftover.pid)
        assert end_leftover(leftover.pid, "another-mark", signal.SIGTERM, 5.0)
        assert leftover.poll() is None
        # nothing collects it before its parent, this test, does
        assert end_leftover(leftover.pid, "a-mark", signal.SIGTERM, 5.0)
        assert command_line(leftover.pid) == ""


def test_an_earlier_process_that_does_not_stop_is_said_to_be_there() -> None:
    with _sleeper("a-mark", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)") as leftover:
        assert not end_leftover(leftover.pid, "a-mark", signal.SIGTERM, 0.3)


@pytest.mark.parametrize("pid", [-1, 2**22 + 1])
def test_a_process_that_cannot_be_is_gone(pid: int) -> None:
    assert command_line(pid) == ""
    assert end_leftover(pid, "a-mark", signal.SIGTERM, 5.0)


@contextmanager
def _sleeper(mark: str, first: str = "") -> Iterator[subprocess.Popen[bytes]]:
    program = f"{first}\nprint(flush=True)\nimport time\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program, mark], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout and process.stdout.readline()
            yield process
        finally:
            process.kill()


def _user(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _USER],
        env={**os.environ, "GATEWAY_HOME": str(settings.home)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _leave(user: subprocess.Popen[str]) -> None:
    assert user.stdin
    user.stdin.close()
    user.wait(30)


def _running(settings: Settings) -> bool:
    """Whether any process names this home in its command line."""
    return _is_in_a_command_line(str(settings.home))


def _is_in_a_command_line(text: str) -> bool:
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in line.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                return True
        except OSError:
            continue
    return False


def _connect(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(str(settings.database_owner_url).replace("+psycopg", ""), autocommit=True)


def _select_one(settings: Settings) -> object:
    with _connect(settings) as connection:
        row = connection.execute("SELECT 1").fetchone()
    return row[0] if row else None


def _answers(settings: Settings) -> bool:
    try:
        return _select_one(settings) == 1
    except psycopg.OperationalError:
        return False


def _port(settings: Settings) -> int:
    return int(str(settings.database_url).rpartition(":")[2].partition("/")[0])
