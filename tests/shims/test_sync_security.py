# SPDX-License-Identifier: Apache-2.0
"""Who may send what to the cloud (spec cloud 1.5, edge 6.7): a client of its own, over the
standard library's sockets, tries everything that is almost right."""
import calendar
import concurrent.futures
import contextlib
import gzip
import hashlib
import hmac
import http.client
import json
import sqlite3
import ssl
import subprocess
import time

import pytest

import farm as farm_module
from asking import BATCH, batch_event
from farm import wait_for
from support import in_logs

ALIAS = "/api/v1/ingestion/batch"
HANDSHAKE = "/api/v1/edge/diagnostics/handshake"
OLD, NEW, OTHER, GONE = ("old-secret-" + "0" * 32, "new-secret-" + "1" * 32,
                         "other-secret-" + "2" * 32, "gone-secret-" + "3" * 32)
KEYS = f"edge-1:{NEW}:t1+t2,edge-1:{OLD}:t1+t2,edge-2:{OTHER}:t3"


# -- a client that says exactly what it is told --------------------------------------


def sign(secret, stamp, method, path, body):
    text = f"{stamp}.{method}.{path}.".encode() + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Client:
    used_ms = 0

    def __init__(self, farm, cert=None):
        self.port = farm.ports["cloud"]
        self.tls = ssl.create_default_context(cafile=farm.ca)
        if cert:
            self.tls.load_cert_chain(farm.home / f"{cert}.pem", farm.home / f"{cert}.key")

    @classmethod
    def now_ms(cls):
        """No two alike, so that no two signatures are."""
        cls.used_ms = max(cls.used_ms + 1, int(time.time() * 1000))
        return cls.used_ms

    def send(self, path, body=b"", headers=(), method="POST", is_chunked=False):
        """Status, code of the error (None: none) and the parsed answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60,
                                                 context=self.tls)
        try:
            connection.putrequest(method, path)
            for name, value in headers:
                connection.putheader(name, value)
            if is_chunked:
                connection.putheader("Transfer-Encoding", "chunked")
                body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in
                                (body[:7], body[7:])) + b"0\r\n\r\n"
            elif method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            parsed = json.loads(answer.read() or b"null")
            return answer.status, (parsed or {}).get("error", {}).get("code"), parsed
        finally:
            connection.close()


class Request:
    """A batch that is signed; a case changes one thing, before or after the signature."""

    def __init__(self, **changes):
        self.secret, self.method, self.edge_id = OLD, "POST", "edge-1"
        self.path = self.signed_path = BATCH
        self.tenant, self.events = "t1", [batch_event()]
        self.offset_ms, self.stamp = 0, None
        self.__dict__.update(changes)
        document = {"tenant_id": self.tenant, "events": self.events}
        self.body = changes.get("body") or json.dumps(document).encode()
        stamp = str(Client.now_ms() + self.offset_ms) if self.stamp is None else self.stamp
        digest = sign(self.secret, stamp, changes.get("signed_method", self.method),
                      self.signed_path, self.body)
        self.digest = digest
        self.headers = {"x-edge-id": self.edge_id, "x-edge-timestamp": stamp,
                        "x-edge-signature": "sha256=" + digest}

    def with_headers(self, **changes):
        for name, value in changes.items():
            self.headers["x-" + name.replace("_", "-")] = value
        return self

    def without(self, *names):
        for name in names:
            self.headers.pop("x-" + name)
        return self

    def send(self, client, twice=None, body=None, path=None, is_chunked=False, more=()):
        headers = [(name, value) for name, value in self.headers.items()
                   if value is not None] + list(more)
        if twice:
            headers.append((twice, self.headers.get(twice, "t1")))
        return client.send(path or self.path, self.body if body is None else body, headers,
                           self.method, is_chunked)


# -- the cloud -------------------------------------------------------------------------


@contextlib.contextmanager
def running(tmp_path, build, **settings):
    made = farm_module.Farm(tmp_path / "farm", build)
    try:
        made.start_cloud(**{"EDGE_KEYS": KEYS, **settings})
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory, build):
    with running(tmp_path_factory.mktemp("sync"), build) as made:
        yield made


def stored(farm):
    """All that a batch could leave behind."""
    return [farm.query("cloud", f"SELECT count(*) FROM {table}")[0][0]
            for table in ("cloud_dedupe", "bus_telemetry_event", "edge_status",
                          "telemetry_raw")]


def settle(farm):
    """What was accepted is on its way until the bus is empty."""
    wait_for("the bus", 10, lambda: not farm.query(
        "cloud", "SELECT 1 FROM bus_telemetry_event LIMIT 1"))


def assert_silent(farm, *requests):
    """Neither a secret nor a signature in any log."""
    assert not in_logs(farm, OLD, NEW, OTHER, GONE, *[r.digest for r in requests])


# -- almost right ------------------------------------------------------------------------

INVALID, SKEW = "HMAC_SIGNATURE_INVALID", "HMAC_TIMESTAMP_OUT_OF_WINDOW"
NO_TIME, NO_SIGN = "HMAC_TIMESTAMP_MISSING", "HMAC_SIGNATURE_MISSING"
BAD_TIME, BAD = "HMAC_TIMESTAMP_INVALID", "VALIDATION_ERROR"


def flip(digest):
    return ("0" if digest[0] != "0" else "1") + digest[1:]


REFUSED = {
    # name: (request, how it is sent, status, code)
    "no proof at all": lambda r: (r.without("edge-timestamp", "edge-signature"), {}, NO_TIME),
    "no time": lambda r: (r.without("edge-timestamp"), {}, NO_TIME),
    "an empty time": lambda r: (r.with_headers(edge_timestamp=""), {}, NO_TIME),
    "no signature": lambda r: (r.without("edge-signature"), {}, NO_SIGN),
    "an empty signature": lambda r: (r.with_headers(edge_signature=""), {}, NO_SIGN),
    "an API key instead": lambda r: (
        r.without("edge-timestamp", "edge-signature").with_headers(api_key=OLD), {}, NO_TIME),
    "a bearer token instead": lambda r: (
        r.without("edge-timestamp", "edge-signature"),
        {"more": [("Authorization", f"Bearer {OLD}")]}, NO_TIME),
    "a time with a sign": lambda _: (Request(stamp="+1700000000000"), {}, BAD_TIME),
    "a negative time": lambda _: (Request(stamp="-1"), {}, BAD_TIME),
    "a time with a fraction": lambda _: (Request(stamp="1700000000000.5"), {}, BAD_TIME),
    "a time in hex": lambda _: (Request(stamp="0x18bcfe56800"), {}, BAD_TIME),
    "a time as a date": lambda _: (Request(stamp="2026-01-01T00:00:00Z"), {}, BAD_TIME),
    "a time in exponents": lambda _: (Request(stamp="1e13"), {}, BAD_TIME),
    "two times in one": lambda _: (Request(stamp="1700000000000, 1"), {}, BAD_TIME),
    "a time of thirty digits": lambda _: (Request(stamp="9" * 30), {}, SKEW),
    "a time in seconds": lambda _: (Request(stamp=str(int(time.time()))), {}, SKEW),
    "the time 0": lambda _: (Request(stamp="0"), {}, SKEW),
    "301 s late": lambda _: (Request(offset_ms=-301_000), {}, SKEW),
    "301 s early": lambda _: (Request(offset_ms=301_000), {}, SKEW),
    "another time than the signed": lambda r: (
        r.with_headers(edge_timestamp=str(Client.now_ms())), {}, INVALID),
    "a leading zero in the time": lambda r: (
        r.with_headers(edge_timestamp="0" + r.headers["x-edge-timestamp"]), {}, INVALID),
    "an unknown secret": lambda _: (Request(secret="x" * 32), {}, INVALID),
    "a secret that was removed": lambda _: (Request(secret=GONE), {}, INVALID),
    "an empty secret": lambda _: (Request(secret=""), {}, INVALID),
    "the edge's name for a secret": lambda _: (Request(secret="edge-1"), {}, INVALID),
    "the whole entry for a secret": lambda _: (Request(secret=f"{OLD}:t1+t2"), {}, INVALID),
    "another edge's secret": lambda _: (Request(secret=OTHER), {}, INVALID),
    "another edge's name": lambda r: (r.with_headers(edge_id="edge-2"), {}, INVALID),
    "nobody's name": lambda r: (r.with_headers(edge_id="edge-3"), {}, INVALID),
    "a name in capitals": lambda r: (r.with_headers(edge_id="EDGE-1"), {}, INVALID),
    "one digit off": lambda r: (r.with_headers(edge_signature=flip(r.digest)), {}, INVALID),
    "a digit short": lambda r: (r.with_headers(edge_signature=r.digest[:-1]), {}, INVALID),
    "a digit long": lambda r: (r.with_headers(edge_signature=r.digest + "0"), {}, INVALID),
    "capitals": lambda r: (r.with_headers(edge_signature=r.digest.upper()), {}, INVALID),
    "the prefix twice": lambda r: (
        r.with_headers(edge_signature="sha256=sha256=" + r.digest), {}, INVALID),
    "the prefix in capitals": lambda r: (
        r.with_headers(edge_signature="SHA256=" + r.digest), {}, INVALID),
    "another algorithm": lambda r: (
        r.with_headers(edge_signature="sha512=" + r.digest), {}, INVALID),
    "no digits": lambda r: (r.with_headers(edge_signature="z" * 64), {}, INVALID),
    "10 kB of digits": lambda r: (r.with_headers(edge_signature="0" * 10240), {}, INVALID),
    "two signatures in one": lambda r: (
        r.with_headers(edge_signature=f"{flip(r.digest)}, {r.digest}"), {}, INVALID),
    "another path": lambda _: (Request(signed_path="/api/v1/edge/other"), {}, INVALID),
    "the other name of the path": lambda r: (r, {"path": ALIAS}, INVALID),
    "an encoded path": lambda _: (Request(signed_path="/api/v1/edge/b%61tch"),
                                  {"path": "/api/v1/edge/b%61tch"}, INVALID),
    "the query in the signature": lambda _: (Request(signed_path=BATCH + "?a=1"),
                                             {"path": BATCH + "?a=1"}, INVALID),
    "signed for GET": lambda _: (Request(signed_method="GET"), {}, INVALID),
    "signed for PUT": lambda _: (Request(signed_method="PUT"), {}, INVALID),
    "one byte of the body": lambda r: (r, {"body": r.body.replace(b"21.5", b"21.6")}, INVALID),
    "a blank behind the body": lambda r: (r, {"body": r.body + b" "}, INVALID),
    "another body": lambda r: (r, {"body": Request().body}, INVALID),
    "no body": lambda r: (r, {"body": b" "}, INVALID),
    "the body signed in its packed form": lambda _: (
        Request(body=gzip.compress(Request().body)),
        {"more": [("Content-Encoding", "gzip")]}, INVALID),
    "the time said twice": lambda r: (r, {"twice": "x-edge-timestamp"}, BAD),
    "the signature said twice": lambda r: (r, {"twice": "x-edge-signature"}, BAD),
    "the edge said twice": lambda r: (r, {"twice": "x-edge-id"}, BAD),
    "the tenant said twice": lambda r: (
        r.with_headers(tenant_id="t1"), {"twice": "x-tenant-id"}, BAD),
    "another tenant in the header": lambda r: (r.with_headers(tenant_id="t2"), {}, BAD),
    "the tenant twice in the body": lambda _: (
        Request(body=b'{"tenant_id":"t1","tenant_id":"t3","events":[]}'), {}, BAD),
    "no tenant": lambda _: (Request(tenant=""), {}, BAD),
}
STATUS = {BAD: 400}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_almost_right_is_refused(cloud, name):
    request, how, code = REFUSED[name](Request())
    settle(cloud)
    before = stored(cloud)
    status, said, _ = request.send(Client(cloud), **how)
    assert (status, said) == (STATUS.get(code, 401), code)
    assert stored(cloud) == before
    assert_silent(cloud, request)


# Where it is told which tenant: the batch is taken, the foreign event is not.
FOREIGN = {
    "a batch for another's tenant": ({"tenant": "t3", "events": [batch_event("t3")]}, 0),
    "a batch for nobody's tenant": ({"tenant": "t9", "events": [batch_event("t9")]}, 0),
    "a tenant in capitals": ({"tenant": "T1", "events": [batch_event("T1")]}, 0),
    "a tenant that is two": ({"tenant": "t1+t2", "events": [batch_event("t1+t2")]}, 0),
    "a tenant that is any": ({"tenant": "*", "events": [batch_event("*")]}, 0),
    "another's event among one's own": (
        {"events": [batch_event(), batch_event("t3"), batch_event()]}, 2),
    "one's own other tenant among them": ({"events": [batch_event("t2"), batch_event()]}, 1),
    "the other edge": ({"secret": OTHER, "edge_id": "edge-2"}, 0),
    "the other edge, unnamed": ({"secret": OTHER, "edge_id": None}, 0),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_an_event_for_a_foreign_tenant_is_not_taken(cloud, name):
    changes, accepted = FOREIGN[name]
    request = Request(**changes)
    settle(cloud)
    before = stored(cloud)[0]
    status, code, answer = request.send(Client(cloud))
    if status == 200:
        assert answer["accepted"] == accepted
        assert {e["code"] for e in answer["errors"]} == {"TENANT_MISMATCH"}
    else:
        assert (status, code, accepted) == (400, BAD, 0)
    assert stored(cloud)[0] - before == accepted
    assert_silent(cloud, request)


ACCEPTED = {
    "as documented": lambda r: (r, {}),
    "with the other secret": lambda _: (Request(secret=NEW), {}),
    "without the prefix": lambda r: (r.with_headers(edge_signature=r.digest), {}),
    "without a name": lambda r: (r.without("edge-id"), {}),
    "299 s late": lambda _: (Request(offset_ms=-299_000), {}),
    "300 s early": lambda _: (Request(offset_ms=300_000), {}),
    "in chunks": lambda r: (r, {"is_chunked": True}),
    "packed": lambda r: (r, {"body": gzip.compress(r.body),
                             "more": [("Content-Encoding", "gzip")]}),
    "with a query": lambda r: (r, {"path": BATCH + "?b=2&a=1"}),
    "with a slash at the end": lambda r: (r, {"path": BATCH + "/"}),
    "by its other name": lambda _: (Request(path=ALIAS, signed_path=ALIAS), {}),
    "by an encoded name": lambda r: (r, {"path": "/api/v1/edge/b%61tch"}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_right_is_taken_once(cloud, name):
    request, how = ACCEPTED[name](Request())
    assert request.send(Client(cloud), **how)[0] == 200
    again = request.send(Client(cloud), **how)
    assert again[:2] == (401, "HMAC_REPLAY_DETECTED")
    assert_silent(cloud, request)


REPLAYED = {
    "as it was": lambda r: {},
    "with the prefix off": lambda r: r.with_headers(edge_signature=r.digest) and {},
    "without the name": lambda r: r.without("edge-id") and {},
    "with other ids": lambda r: {"more": [("x-request-id", "r-2"), ("x-trace-id", "t-2")]},
    "with the tenant in a header": lambda r: {"more": [("x-tenant-id", "t1")]},
    "with another query": lambda r: {"path": BATCH + "?again"},
    "with a slash": lambda r: {"path": BATCH + "/"},
    "in chunks": lambda r: {"is_chunked": True},
    "packed": lambda r: {"body": gzip.compress(r.body),
                         "more": [("Content-Encoding", "gzip")]},
}


@pytest.mark.parametrize("name", REPLAYED)
def test_a_signature_is_good_once_however_it_is_dressed(cloud, name):
    request = Request()
    assert request.send(Client(cloud))[0] == 200
    settle(cloud)
    before = stored(cloud)
    said = request.send(Client(cloud), **REPLAYED[name](request))
    assert said[:2] == (401, "HMAC_REPLAY_DETECTED")
    assert stored(cloud) == before


def test_a_replay_is_known_after_a_crash(tmp_path, build):
    with running(tmp_path, build) as farm:
        request = Request()
        assert request.send(Client(farm))[0] == 200
        farm.processes["cloud"].end(how=9)
        farm.processes["cloud"].start()
        assert request.send(Client(farm))[:2] == (401, "HMAC_REPLAY_DETECTED")


def test_without_its_memory_of_signatures_the_cloud_takes_nothing(tmp_path, build):
    """Fails closed: 503, not 200; and the same request is good afterwards."""
    with running(tmp_path, build, STORE_BUSY_MS="200") as farm:
        first, second = Request(), Request()
        assert first.send(Client(farm))[0] == 200
        lock = sqlite3.connect(farm.home / "cloud.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                for status, code, _ in pool.map(lambda r: r.send(Client(farm)),
                                                (first, second)):
                    assert (status, code) == (503, "STORAGE_UNAVAILABLE")
        finally:
            lock.execute("ROLLBACK")
            lock.close()
        assert second.send(Client(farm))[0] == 200
        assert first.send(Client(farm))[:2] == (401, "HMAC_REPLAY_DETECTED")


# -- changing a secret -------------------------------------------------------------------


def renew(farm, name="cloud", what="secrets.renewed"):
    log = farm.home / f"{name}.log"
    before = log.read_text().count(what)
    farm.processes[name].running.send_signal(1)
    wait_for(what, 10, lambda: log.read_text().count(what) > before)


def test_a_secret_is_changed_without_a_gap(tmp_path, build):
    """docs/operations.md: add the new one, change the edge, remove the old one; nobody
    is restarted, and at every moment one of the two is good."""
    keys = tmp_path / "edge_keys"
    keys.write_text(f"edge-1:{OLD}:t1\n")
    with running(tmp_path, build, EDGE_KEYS_FILE=str(keys), EDGE_KEYS=None) as farm:
        client = Client(farm)

        def takes(secret):
            return Request(secret=secret).send(client)[0] == 200

        assert takes(OLD) and not takes(NEW)
        keys.write_text(f"edge-1:{OLD}:t1,edge-1:{NEW}:t1\n")
        renew(farm)
        assert takes(OLD) and takes(NEW)
        keys.write_text(f"edge-1:{NEW}:t1\n")
        renew(farm)
        assert takes(NEW) and not takes(OLD)
        assert_silent(farm)


def test_a_list_that_is_wrong_changes_nothing(tmp_path, build):
    keys = tmp_path / "edge_keys"
    keys.write_text(f"edge-1:{OLD}:t1")
    with running(tmp_path, build, EDGE_KEYS_FILE=str(keys), EDGE_KEYS=None) as farm:
        for text in ("", "edge-1", f"edge-1:{NEW}", f"edge-1:{NEW}:t1,:x:y"):
            keys.write_text(text)
            renew(farm, what="secrets.kept")
        keys.unlink()
        renew(farm, what="secrets.kept")
        assert Request().send(Client(farm))[0] == 200
        assert_silent(farm)


def test_the_edge_changes_its_secret_without_a_restart(tmp_path, build):
    secret = tmp_path / "secret"
    secret.write_text(OLD + "\n")
    with running(tmp_path, build, EDGE_KEYS=f"edge-1:{NEW}:t1") as farm:
        farm.start_broker()
        farm.start_edge(EDGE_ID="edge-1", CLOUD_HMAC_SECRET=None,
                        CLOUD_HMAC_SECRET_FILE=str(secret))

        def knows():
            url = farm.edge_url + "/api/v1/sync/diagnostics/cloud"
            try:
                return farm.get(url)["ok"]
            except OSError:
                return False

        assert not knows()
        secret.write_text(NEW + "\n")
        renew(farm, "edge")
        assert knows()
        assert_silent(farm)


# -- certificates ----------------------------------------------------------------------------

URI = "spiffe://farm.example/edge/2"
CERTS = f"edge-1:edge-north:t1+t2,edge-2:{URI}:t3"


@contextlib.contextmanager
def certified(tmp_path, build, mode="mtls", **settings):
    made = farm_module.Farm(tmp_path / "farm", build)
    issue = made.authority.issue
    issue("north", "cn = edge-north", "tls_www_client")
    issue("plain", "cn = edge-north")
    issue("by-uri", "cn = whatever", f"uri = {URI}", "tls_www_client")
    issue("no-cn", "organization = Farm", f"uri = {URI}", "tls_www_client")
    issue("claims-uri", f"cn = {URI}", "tls_www_client")
    issue("two-uris", "cn = x", f"uri = {URI}", "uri = spiffe://farm.example/x")
    issue("two-names", "dn = CN=edge-north,CN=edge-south", "tls_www_client")
    issue("unmapped", "cn = edge-south", "tls_www_client")
    issue("near", "cn = edge-north2", "tls_www_client")
    issue("expired", "cn = edge-north", "activation_date = 2020-01-01 00:00:00 UTC",
          "expiration_date = 2020-02-01 00:00:00 UTC")
    issue("future", "cn = edge-north", "activation_date = 2098-01-01 00:00:00 UTC",
          "expiration_date = 2099-02-01 00:00:00 UTC")
    issue("for-servers", "cn = edge-north", "tls_www_server")
    farm_module.Authority(made.home, "foreign").issue("stranger", "cn = edge-north",
                                                      "tls_www_client")
    try:
        made.start_cloud(**{"CLOUD_AUTH_MODE": mode, "EDGE_CERTS": CERTS, "EDGE_KEYS": KEYS,
                            "TLS_CLIENT_CA_FILE": made.ca, **settings})
        yield made
    finally:
        made.end()


def test_a_certificate_is_an_edge_or_nothing(tmp_path, build):
    table = [
        # certificate, x-edge-id, tenant, status, code, accepted
        ("north", None, "t1", 200, None, 1),
        ("north", "edge-1", "t2", 200, None, 1),
        ("plain", None, "t1", 200, None, 1),
        ("by-uri", None, "t3", 200, None, 1),
        ("no-cn", None, "t3", 200, None, 1),
        ("north", None, "t3", 200, "TENANT_MISMATCH", 0),
        ("by-uri", None, "t1", 200, "TENANT_MISMATCH", 0),
        (None, None, "t1", 401, "UNAUTHORIZED", 0),
        (None, "edge-1", "t1", 401, "UNAUTHORIZED", 0),
        ("unmapped", None, "t1", 403, "FORBIDDEN", 0),
        ("unmapped", "edge-1", "t1", 403, "FORBIDDEN", 0),
        ("near", None, "t1", 403, "FORBIDDEN", 0),
        ("north", "edge-2", "t3", 403, "FORBIDDEN", 0),
        ("claims-uri", None, "t3", 403, "FORBIDDEN", 0),
        ("two-uris", None, "t3", 403, "FORBIDDEN", 0),
        ("two-names", None, "t1", 403, "FORBIDDEN", 0),
        ("expired", None, "t1", 403, "FORBIDDEN", 0),
        ("future", None, "t1", 403, "FORBIDDEN", 0),
        ("stranger", None, "t1", 403, "FORBIDDEN", 0),
        ("for-servers", None, "t1", 403, "FORBIDDEN", 0),
    ]
    with certified(tmp_path, build) as farm:
        for cert, edge_id, tenant, status, code, accepted in table:
            what = f"{cert} as {edge_id} for {tenant}"
            settle(farm)
            before = stored(farm)[0]
            request = Request(tenant=tenant, events=[batch_event(tenant)], edge_id=edge_id)
            request.without("edge-timestamp", "edge-signature")
            got, said, answer = request.send(Client(farm, cert))
            if got == 200:
                said = answer.get("errors", [{"code": None}])[0]["code"]
            assert (got, said) == (status, code), what
            assert stored(farm)[0] - before == accepted, what
        assert Client(farm, "north").send(HANDSHAKE, method="GET")[0] == 200
        assert Client(farm).send(HANDSHAKE, method="GET")[:2] == (401, "UNAUTHORIZED")


def test_a_connection_does_not_outlive_its_certificate(tmp_path, build):
    with certified(tmp_path, build) as farm:
        until = time.gmtime(time.time() + 4)
        farm.authority.issue("brief", "cn = edge-north",
                             time.strftime("expiration_date = %Y-%m-%d %H:%M:%S UTC", until))
        client = Client(farm, "brief")
        connection = http.client.HTTPSConnection("127.0.0.1", client.port, context=client.tls)

        def status():
            connection.request("GET", HANDSHAKE)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert status() == 200
        first = connection.sock
        while time.time() < calendar.timegm(until) + 1:
            assert connection.sock is first, "this is about one connection"
            time.sleep(0.2)
        assert status() == 403
        assert client.send(HANDSHAKE, method="GET")[:2] == (403, "FORBIDDEN")


def test_certificate_and_signature_must_name_the_same_edge(tmp_path, build):
    keys = f"edge-1:{OLD}:t1+t3,edge-2:{OTHER}:t3"
    table = [
        # certificate, secret, x-edge-id, tenant, status, code
        ("north", OLD, "edge-1", "t1", 200, None),
        ("north", OLD, None, "t1", 200, None),
        ("by-uri", OTHER, None, "t3", 200, None),
        ("north", OLD, None, "t3", 200, "TENANT_MISMATCH"),  # the secret's, not the cert's
        ("north", OLD, None, "t2", 200, "TENANT_MISMATCH"),  # the cert's, not the secret's
        ("north", OTHER, None, "t3", 401, INVALID),
        ("by-uri", OLD, None, "t1", 401, INVALID),
        ("north", OTHER, "edge-2", "t3", 403, "FORBIDDEN"),
        (None, OLD, "edge-1", "t1", 401, "UNAUTHORIZED"),
        ("unmapped", OLD, "edge-1", "t1", 403, "FORBIDDEN"),
        ("stranger", OLD, "edge-1", "t1", 403, "FORBIDDEN"),
        ("north", None, "edge-1", "t1", 401, NO_TIME),
    ]
    with certified(tmp_path, build, "mtls_hmac", EDGE_KEYS=keys) as farm:
        for cert, secret, edge_id, tenant, status, code in table:
            request = Request(secret=secret or OLD, edge_id=edge_id, tenant=tenant,
                              events=[batch_event(tenant)])
            if not secret:
                request.without("edge-timestamp", "edge-signature")
            got, said, answer = request.send(Client(farm, cert))
            if got == 200:
                said = answer.get("errors", [{"code": None}])[0]["code"]
            assert (got, said) == (status, code), (cert, secret, edge_id, tenant)
        assert_silent(farm)


@pytest.mark.parametrize("mode", ["mtls", "mtls_hmac"])
def test_the_forwarder_shows_its_certificate(tmp_path, build, mode):
    with certified(tmp_path, build, mode) as farm:
        farm.start_broker()
        farm.start_edge(EDGE_ID="edge-1", CLOUD_AUTH_MODE=mode, CLOUD_HMAC_SECRET=NEW,
                        HTTP_CERT_FILE=str(farm.home / "north.pem"),
                        HTTP_KEY_FILE=str(farm.home / "north.key"))
        answer = farm.get(farm.edge_url + "/api/v1/sync/diagnostics/cloud")
        assert answer["ok"] is True


# -- at the start ------------------------------------------------------------------------------


@pytest.mark.parametrize("settings, named", [
    ({"CLOUD_AUTH_MODE": "none"}, "CLOUD_AUTH_MODE"),
    ({"CLOUD_AUTH_MODE": "HMAC"}, "CLOUD_AUTH_MODE"),
    ({"CLOUD_AUTH_MODE": "hmac,mtls"}, "CLOUD_AUTH_MODE"),
    ({"CLOUD_AUTH_MODE": ""}, "CLOUD_AUTH_MODE"),
    ({"EDGE_KEYS": ""}, "EDGE_KEYS"),
    ({"EDGE_KEYS": f"edge-1::t1"}, "EDGE_KEYS"),
    ({"EDGE_KEYS": f":{OLD}:t1"}, "EDGE_KEYS"),
    ({"EDGE_KEYS": f"edge-1:{OLD}:"}, "EDGE_KEYS"),
    ({"EDGE_KEYS": f"edge-1:{OLD}:t1,,"}, "EDGE_KEYS"),
    ({"CLOUD_HMAC_SECRET": OLD}, "EDGE_KEYS"),
    ({"EDGE_CERTS": CERTS}, "EDGE_CERTS"),
    ({"CLOUD_AUTH_MODE": "mtls"}, "EDGE_CERTS"),
    ({"CLOUD_AUTH_MODE": "mtls", "EDGE_CERTS": "edge-1:t1"}, "EDGE_CERTS"),
    ({"CLOUD_AUTH_MODE": "mtls", "EDGE_CERTS": CERTS}, "TLS_CLIENT_CA_FILE"),
    ({"CLOUD_AUTH_MODE": "mtls_hmac", "EDGE_CERTS": CERTS, "EDGE_KEYS": "",
      "TLS_CLIENT_CA_FILE": "ca.pem"}, "EDGE_KEYS"),
])
def test_what_would_leave_the_door_open_does_not_start(tmp_path, build, settings, named):
    env = {"PATH": "/usr/bin", "DATABASE_URL": f"sqlite:{tmp_path}/cloud.db",
           "APP_PORT": "0", "API_TOKENS": "0123456789abcdef:t1", "CLOUD_AUTH_MODE": "hmac",
           "TLS_CERT_FILE": "server.pem" if "TLS_CLIENT_CA_FILE" in settings else "",
           "EDGE_KEYS": KEYS, **settings}
    run = subprocess.run([build / "shims/farmiqd/farmiqd", "cloud"], env=env, timeout=20,
                         capture_output=True, text=True)
    assert run.returncode != 0
    assert named in run.stdout + run.stderr
    assert not any(secret in run.stdout + run.stderr for secret in (OLD, NEW, OTHER))
