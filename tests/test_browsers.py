"""Who may ask, by which name, from which page; and where the URLs lead that the mock makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from commanding import run, serving
from conftest import Client, measured
from refusals import API, DOCS, RUN, refused

from mock_server.http.origin import origin
from mock_server.kernel.settings import Settings
from mock_server.server.browsers import host_check

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "http://localhost:3000"
UPLOADS = f"{DOCS}/uploads"


# The Host header


KNOWN = [
    "localhost",
    "LOCALHOST:1",
    "localhost.",
    "mock.localhost:80",
    "127.0.0.1:8376",
    "127.9.9.9",
    "[::1]:8376",
    "mock",
    "x:1",
    "",
]
UNKNOWN = [
    "evil.example",
    "evil.example:8376",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost.example",
]
UNKNOWN += [
    "10.0.0.1",
    "0.0.0.0:8376",
    "[::2]",
    "user@localhost",
    "localhost@evil.example",
    "a b",
    "x." * 2_500,
    "\xe9",
]


@pytest.mark.parametrize("path", ["/_mock/health", "/_mock/session", f"{API}/sources", "/uploads/x", "/"])
def test_on_loopback_an_unknown_name_is_refused_wherever_it_leads(client: Client, path: str) -> None:
    """A page that made its own name lead here would else read and steer every session (DNS rebinding)."""
    headers = {"x-api-key": client.key or "", "host": "evil.example"}
    call = client.send("GET", path, None, headers)
    refused(call, 421, "'evil.example'", "--allowed-host")
    assert client.get("/_mock/requests").body["requests"] == []


@pytest.mark.parametrize("host", KNOWN)
def test_a_name_of_this_machine_is_known(client: Client, host: str) -> None:
    assert client.send("GET", "/_mock/health", None, {"host": host}).status == 200


@pytest.mark.parametrize("host", UNKNOWN)
def test_any_other_name_is_not(client: Client, host: str) -> None:
    call = client.send("GET", "/_mock/health", None, {"host": host})
    refused(call, 421)
    assert len(call.received) < 1_000


def known(header: str, *allowed: str, host: str = "127.0.0.1", public: str | None = None) -> bool:
    settings = Settings(allowed_hosts=frozenset(allowed), public_url=public)
    address = {"my-box": "127.0.1.1", "lan": "192.168.1.5"}.get(host, host)
    return host_check(settings, host, address)(header.encode())


def test_the_operator_may_allow_more_names() -> None:
    assert known("mock.example:80", "mock.example")
    assert known("Mock.Example.", "mock.example")
    assert not known("sub.mock.example", "mock.example")
    assert known("anything.example", "*")
    assert known("10.0.0.1", "10.0.0.1")
    assert known("my-box:8376", host="my-box")
    assert known("mocks.example", public="https://mocks.example/vern")


def test_who_lets_other_machines_in_is_asked_by_any_name_unless_names_are_given() -> None:
    for host in ("0.0.0.0", "::", "lan"):  # noqa: S104 - nobody listens there
        assert known("mock.example", host=host)
        assert not known("evil.example", "mock.example", host=host)
        assert known("mock.example", "mock.example", host=host)
        assert known("localhost", "mock", host=host)
    assert known("192.168.1.5", "mock.example", host="lan")


# The URLs that the mock makes


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "http://mock:1"),
        ({"x-forwarded-proto": "https"}, "https://mock:1"),
        ({"x-forwarded-host": "mocks.example"}, "http://mocks.example"),
        ({"x-forwarded-prefix": "/vern/"}, "http://mock:1/vern"),
        ({"x-forwarded-proto": "https, http", "x-forwarded-host": "a.example:8443, b"}, "https://a.example:8443"),
        ({"forwarded": 'for=1.2.3.4;proto=https;host="[::1]:84", for=5'}, "https://[::1]:84"),
        ({"forwarded": "Proto=https; Host=a.example", "x-forwarded-host": "b.example"}, "https://b.example"),
        ({"x-forwarded-proto": "javascript", "x-forwarded-host": "a/b", "x-forwarded-prefix": "//x"}, "http://mock:1"),
        ({"x-forwarded-host": "user@a.example", "x-forwarded-prefix": "/a?b"}, "http://mock:1"),
        ({"x-forwarded-proto": "", "x-forwarded-host": "", "forwarded": ";;=;"}, "http://mock:1"),
    ],
)
def test_what_a_trusted_proxy_says_is_where_the_caller_came_from(headers: dict[str, str], expected: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "scheme": "http", "headers": raw, "server": ("::1", 8376)}
    assert origin(scope, "mock:1", trusted=True) == expected
    assert origin(scope, "mock:1", trusted=False) == "http://mock:1"
    assert origin(scope | {"headers": []}, None, trusted=True) == "http://[::1]:8376"


@pytest.mark.parametrize("form", ["host=%b", "%b"])
def test_of_a_header_that_several_proxies_add_the_first_counts(form: str) -> None:
    name = b"forwarded" if "=" in form else b"x-forwarded-host"
    raw = [(name, form.encode() % host) for host in (b"a.example", b"b.example")]
    scope: Any = {"type": "http", "scheme": "http", "headers": raw, "server": None}
    assert origin(scope, "mock:1", trusted=True) == "http://a.example"


def test_a_public_url_begins_all_that_the_mock_makes() -> None:
    with serving("--public-url", "https://mocks.example/vern/") as server:
        assert (server.ready["url"], server.ready["api"]) == (
            "https://mocks.example/vern",
            "https://mocks.example/vern/api/v1",
        )
        local = Client(server.ready["listens"], "public-key")
        for host in ("localhost:1", "mocks.example"):
            headers = {"x-api-key": "public-key", "host": host, "x-forwarded-host": "evil.example"}
            url = local.send("POST", UPLOADS, b'{"name": "a.csv"}', headers).body["upload_url"]
            assert url.startswith("https://mocks.example/vern/uploads/")
            assert local.send("PUT", url.removeprefix("https://mocks.example/vern"), b"Email\n", {}).status == 200
        local.close()


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--allowed-host", ["", "http://a.example", "a.example:80", "a/b", "a b", "*.example"]),
        (
            "--public-url",
            ["", "mocks.example", "ftp://a.example", "http://a.example?x=1", "http://u@a.example", "https://"],
        ),
        ("--cors", ["", "localhost:3000", "http://a.example/", "http://a.example/x", "http://", "a b"]),
    ],
)
def test_what_is_no_host_no_url_no_origin_is_bad_usage(option: str, values: list[str]) -> None:
    for value in values:
        done = run("serve", "--port", "0", option, value)
        assert (done.returncode, done.stdout) == (2, ""), value
        assert option in done.stderr
        assert "expected a" in done.stderr


# Pages of other origins


@pytest.fixture(scope="module")
def open_server() -> Iterator[str]:
    """A server for pages of one origin, behind a proxy."""
    options = ("--cors", PAGE, "--cors", "https://Other.example", "--trust-proxy", "--allowed-host", "mocks.example")
    with measured("--speed", "0", *options) as process:
        yield process.url


@pytest.fixture
def at_open(open_server: str, key: str) -> Iterator[Client]:
    made = Client(open_server, key)
    yield made
    made.close()


def preflight(client: Client, path: str, method: str, page: str = PAGE) -> Any:
    headers = {
        "origin": page,
        "access-control-request-method": method,
        "access-control-request-headers": "x-api-key, a",
    }
    return client.send("OPTIONS", path, None, headers)


def test_a_page_may_ask_and_read(at_open: Client) -> None:
    url = at_open.post(UPLOADS, {"name": "a.csv"}).body["upload_url"].removeprefix(at_open.url)
    for path, method in ((RUN, "GET"), (f"{RUN}/decisions", "POST"), (url, "PUT"), (f"{API}/nowhere", "GET")):
        asked = preflight(at_open, path, method)
        assert (asked.status, asked.received) == (204, b"")
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert method in asked.headers["access-control-allow-methods"].split(", ")
        assert asked.headers["access-control-allow-headers"] == "x-api-key, a"
    with_key = {"x-api-key": at_open.key or "", "origin": PAGE}
    sheet = f"{DOCS}/export.csv"
    for path, headers, status in ((RUN, with_key, 200), (RUN, {"origin": PAGE}, 401), (sheet, with_key, 200)):
        call = at_open.send("GET", path, None, headers)
        assert (call.status, call.headers["access-control-allow-origin"], call.headers["vary"]) == (
            status,
            PAGE,
            "origin",
        )
        exposed = call.headers["access-control-expose-headers"].split(", ")
        assert {"retry-after", "x-mock-request-id", "x-mock-fault"} <= set(exposed)
    put = at_open.send("PUT", url, b"Email\n", {"origin": PAGE})
    assert (put.status, put.headers["access-control-allow-origin"]) == (200, PAGE)
    told = at_open.get("/_mock/requests").body["requests"]
    assert "OPTIONS" not in {each["method"] for each in told}


def test_an_answer_that_a_fault_makes_can_be_read_too(at_open: Client) -> None:
    for fault in ({"error": 500}, {"page": 502}, {"content_type": "text/html"}, {"lose": 503}):
        at_open.put("/_mock/faults", {"faults": [fault]})
        call = at_open.send("POST", UPLOADS, b'{"name": "a"}', {"x-api-key": at_open.key or "", "origin": PAGE})
        assert (call.headers["access-control-allow-origin"], "x-mock-fault" in call.headers) == (PAGE, True)


def test_any_other_page_may_not_nor_any_page_the_admin_api(at_open: Client) -> None:
    refused(preflight(at_open, RUN, "GET", "http://evil.example"), 403, "'http://evil.example'", "--cors")
    other = at_open.send("GET", RUN, None, {"x-api-key": at_open.key or "", "origin": "http://evil.example"})
    assert other.status == 200
    admin = [
        preflight(at_open, "/_mock/session", "DELETE"),
        at_open.send("GET", "/_mock/health", None, {"origin": PAGE}),
    ]
    assert [each.status for each in admin] == [405, 200]
    assert not [name for call in (other, *admin) for name in call.headers if name.startswith("access-control")]
    assert at_open.send("GET", RUN, None, {"origin": "https://other.example"}).headers["vary"] == "origin"


def test_without_the_option_no_page_may(client: Client) -> None:
    for path, status in ((RUN, 401), ("/uploads/x", 404)):
        asked = preflight(client, path, "GET")
        refused(asked, status)
        assert not [name for name in asked.headers if name.startswith("access-control")]


def test_behind_a_proxy_a_url_leads_back_through_it(at_open: Client) -> None:
    headers = {"x-api-key": at_open.key or "", "host": "mocks.example", "x-forwarded-proto": "https"}
    url = at_open.send("POST", UPLOADS, b'{"name": "a.csv"}', headers | {"x-forwarded-prefix": "/vern"}).body[
        "upload_url"
    ]
    assert url.startswith("https://mocks.example/vern/uploads/")
