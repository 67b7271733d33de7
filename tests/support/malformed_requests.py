"""Malformed requests, as bytes."""

import itertools
import json
from collections.abc import Iterator

from catalog.keys import new_id

PHOTO, GONE = new_id(), new_id()
NUL, NOT_UTF8, LATIN = b"\x00", b"\xff\xfe", "é".encode("latin-1")

JSON_TARGETS = (b"POST /api/uploads", b"PATCH /api/images/%b" % PHOTO.encode())
FORM = b"POST /images/%b/edit" % PHOTO.encode()
CHANGES = (*JSON_TARGETS, FORM, b"POST /uploads", b"DELETE /api/images/%b" % GONE.encode())

HOSTS = (
    b"", b" ", b".", b"..", b"...", b"a..b", b".a", b"a.", b"a" * 63, b"a" * 64, b"a" * 64 + b".example", b"x." * 200,
    b"a" * 5000, b"local host", b"local\thost", b"a,b", b"a/b", b"a\\b", b"a?b", b"a#b", b"a@b", b"user:pass@host",
    b"<script>", b"a'b", b'a"b', b"%00", b"%zz", b"[", b"]", b"[]", b"[::1", b"::1]", b"[::1]", b"[::1]:", b"[::1]:x",
    b"[::g]", b"[v1.x]", b"::1", b"1:2:3", b"localhost:", b"localhost:0", b"localhost:65536",
    b"localhost:99999999999999999999", b"localhost:-1", b"localhost:8o", b"localhost: 80", b"localhost:80:80", b":80",
    b"xn--", b"xn--a", b"xn--" + b"a" * 59, b"XN--80AK6AA92E.com", LATIN, "ü.example".encode(), "例え.テスト".encode(),
    "\u2024\u2024".encode(), "a\u200db".encode(), NOT_UTF8, b"a" + NUL, b"\x7f", b"1.2.3.4.5", b"0x7f.1", b"-a-",
    b"_", b"*",
)  # fmt: skip

ORIGINS = (
    b"", b" ", b"null", b"http", b"http:", b"http://", b"http://[", b"http://]", b"http://[::1", b"http://::1]",
    b"http://[::1]x", b"http://[x]", b"http://[v1.]", b"http://[::1%25lo]", b"//[", b"[", b"http://a]b[c",
    "http://\u2100".encode(), "http://a\uff0fb".encode(), "http://a\uff1ab".encode(), b"http://" + LATIN,
    b"http://" + NOT_UTF8, b"http://a b", b"http://a\tb", b"http://user@localhost", b"http://localhost:x",
    b"http://localhost:99999", b"http://" + b"a" * 5000, b"://", b"javascript:1",
    b"http://localhost, http://localhost", b"http://localhost\x00", b"http:\\\\localhost", b"http://%5B::1",
)  # fmt: skip

HEADERS = {
    b"Range": (
        b"", b"bytes", b"bytes=", b"bytes=-", b"bytes=a-b", b"bytes=9-1", b"bytes=0-0,1-1", b"bytes=--1",
        b"bytes=" + b"9" * 4000, b"bytes=0-" + b"9" * 4000, b"bytes=" + b"0-," * 900, b"x=1-2", LATIN,
    ),
    b"If-Range": (b"", b'"', b"W/", b"yesterday", LATIN),
    b"If-None-Match": (
        b"", b'"', b'""', b"W/", b'W/"', b"*,*", b'"a', b'a"b"c', b'"a",' * 900, LATIN, NOT_UTF8, b'"\\"',
    ),
    b"If-Match": (b"", b'"', b"*", b"W/", LATIN),
    b"If-Modified-Since": (
        b"", b"0", b"-1", b"yesterday", b"Thu, 99 Jan 2026 00:00:00 GMT", b"9" * 4000,
        b"Thu, 01 Jan 0000 00:00:00 GMT", b"Thu, 01 Jan 99999 00:00:00 GMT", b"Mon, 01 Jan 2024 25:61:61 +9999",
        b"Mon, 01 Jan 2024 00:00:00 -999999999", LATIN,
    ),
    b"If-Unmodified-Since": (b"", b"0", b"never", LATIN),
    b"Accept-Encoding": (
        b"", b",", b";", b"gzip;q", b"gzip;q=", b"gzip;q=x", b"gzip;q=-1", b"gzip;q=1e999", b"gzip;q=nan",
        b"gzip;q=inf", b"*;q=0", b"gzip;q=" + b"9" * 4000, b"gzip," * 900, b"gzip;" * 900, LATIN, b'"gzip',
    ),
    b"Accept": (b"", b"/", b"*", b"*/*;q=x", b"a/b;c", b"text/html;" * 500, b'text/html;a="', LATIN),
    b"Accept-Language": (b"", b"-", b"a-;q=x", b"_" * 2000, LATIN),
    b"Cookie": (
        b"", b"=", b";", b"a", b"=a", b'a="', b'a="\\999"', b'a="\\', b"a=b;" * 900, b"\xff=\xff", LATIN,
        b"__Host-a=%",
    ),
    b"Authorization": (
        b"", b"Basic", b"Basic !", b"Basic =", b"Basic " + b"A" * 4001, b"Digest", b'Digest a="', b"Bearer " + LATIN,
        b"Digest =,=,",
    ),
    b"Cache-Control": (b"", b"max-age", b"max-age=x", b"max-age=" + b"9" * 4000, b'a="', b"=", LATIN),
    b"Pragma": (b"", LATIN),
    b"X-Forwarded-For": (b"", b",", b",,", b"x", b"1.2.3.4, ", b"[::1", b"a," * 900, LATIN, NOT_UTF8),
    b"X-Forwarded-Proto": (
        b"", b",", b"https,http", b"ftp", b"javascript", b"://", b"ws", b"http s", LATIN, b"https" * 500,
    ),
    b"X-Forwarded-Host": (b"", b"..", b"[", b"evil.example", LATIN),
    b"X-Forwarded-Port": (b"", b"x", b"-1", b"9" * 4000, b"80,443"),
    b"X-Forwarded-Prefix": (b"", b"/x", b"//x", b"..", LATIN),
    b"Forwarded": (b"", b"for=", b'for="', b";", b"for=[::1", LATIN),
    b"X-Script-Name": (b"/x",),
    b"Sec-Fetch-Site": (b"", b"x", b"cross-site", b"same-origin, cross-site", LATIN),
    b"User-Agent": (b"", LATIN, NOT_UTF8, b"a" * 8000, b"%s%n{0}"),
    b"Referer": (b"", b"http://[", LATIN),
    b"Upgrade": (b"", b"websocket", b"h2c", b"x"),
    b"Connection": (b"", b"upgrade", b",", b"close, keep-alive", LATIN),
    b"Expect": (b"", b"100-continue", b"200-ok", LATIN),
    b"Transfer-Encoding": (
        b"", b"identity", b"gzip", b"chunked, chunked", b"xchunked", b"chunked;a", b"\x0bchunked", b"CHUNKED",
        b"gzip, chunked",
    ),
    b"Content-Encoding": (b"", b"gzip", b"x", LATIN),
    b"Date": (b"", b"x"),
    b"Max-Forwards": (b"x",),
    b"TE": (b"x;q=y",),
    b"HTTP2-Settings": (b"!", b"AAMAAABkAAQCAAAAAAIAAAAA"),
    b"X-HTTP-Method-Override": (b"DELETE", LATIN),
}  # fmt: skip

CONTENT_LENGTHS = (
    b"", b" ", b"-1", b"+2", b"2.0", b"0x2", b"2_0", b"2, 2", b"2,3", b"x", b"9" * 30, b"9" * 5000, b"1e1", b"3",
    b"1", b"0", "٢".encode(), LATIN, b"163841", b"2\r\nContent-Length: 3", b"2\r\nContent-Length: 2",
    b"2\r\nTransfer-Encoding: chunked",
)  # fmt: skip

CONTENT_TYPES = (
    b"", b" ", b"/", b"application", b"application/", b"application/json;", b"application/json;charset",
    b"application/json;charset=", b"application/json; charset=utf-16", b"application/json; charset=x",
    b"application/json; charset=" + LATIN, b'application/json; charset="', b"application/json;;;;=;=",
    b"application/json; charset*=utf-8''x", b"application/json; charset*0=a; charset*1=b", b"Application/JSON",
    b"application/vnd.api+json", b"text/json", b"application/json, text/plain", b"a/b/c", LATIN, NOT_UTF8,
    b"application/json;" + b"a=b;" * 900, b"*/*", b"multipart/form-data", b"multipart/form-data; boundary",
    b"multipart/form-data; boundary=", b'multipart/form-data; boundary=""', b'multipart/form-data; boundary="',
    b"multipart/form-data; boundary=" + b"b" * 300, b"multipart/form-data; boundary=" + LATIN,
    b"multipart/form-data; boundary=a b", b"multipart/mixed; boundary=a", b"multipart/",
    b"application/x-www-form-urlencoded; charset=utf-7", b"application/x-www-form-urlencoded; charset=x",
    b"application/x-www-form-urlencoded; charset=" + LATIN,
)  # fmt: skip

UPLOAD = {"filename": "a.jpg", "content_type": "image/jpeg", "bytes": 1}


def _upload(name: str, raw: bytes) -> bytes:
    """Return the body of an upload request with the raw JSON of one value."""
    return b"{%b}" % b",".join(
        b"%b:%b" % (json.dumps(key).encode(), raw if key == name else json.dumps(value).encode())
        for key, value in UPLOAD.items()
    )


NUMBERS = (
    b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity", b"1" * 4300, b"1" * 4301, b"1" * 100_000, b"1e99999",
    b"-0", b"0.0", b"1.0", b"1e0", b"1E308", b"5e-324", b"01", b"+1", b".5", b"1.", b"0x1", b"1_0", b"true", b"null",
    b'"1"', b"[1]", b"{}", b"1.7976931348623157e308", b"9007199254740993", b"-1", "١".encode(),
)  # fmt: skip
TEXTS = (
    b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\u0000"', b'"\\x00"', b'"\\u00"', b'"\\', b'"', b'"\x00"',
    b'"\n"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"', b'"\\ud83d\\ude00"', b'"' + b"a" * 5000 + b'"',
    b"1", b"null", b"[]", b"{}", b"'a'", b'""', b'" "', b'"\\u202e.jpg"', b'"../../x"', b'"\\r\\nX: y"',
)  # fmt: skip
UNICODE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7")
DEPTHS = (100, 900, 1000, 5000, 20_000, 80_000)
BODIES = (
    b"", b" ", b"{", b"}", b"[", b"]", b"{}", b"[]", b"null", b"true", b"0", b'""', b"nul", b"{]", b"[}", b'{"a"}',
    b'{"a":}', b"{,}", b'{"a":1,}', b"{a:1}", b"{'a':1}", b"{1:1}", b"//", b"/**/{}", b"{}{}", b"{}x", NUL,
    b"{}" + NUL, NOT_UTF8, LATIN, b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b"\xfe\xff",
    b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff",
    *('{"caption":"a"}'.encode(encoding) for encoding in UNICODE),
    '{"caption":"a"}'.encode("utf-16")[:-1], '{"caption":"a"}'.encode("utf-32")[:-3], b"{\x00", b"\x00{",
    b"\x00\x00\x00{", '{"caption":"\ud800"}'.encode("utf-16-le", "surrogatepass"),
    '{"caption":"\ud800"}'.encode("utf-8", "surrogatepass"), b'{"caption":"a","caption":"b"}',
    b'{"caption":"a","caption":1}', b'{"seen":{},"seen":1,"caption":"a"}', b'{"__proto__":{},"caption":"a"}',
    b'{"":1}', b'{"\\ud800":1}', b'{"\\u0000":1}', b'{"caption":"a","' + b"k" * 5000 + b'":1}',
    b"{%b}" % b",".join(b'"k%d":1' % number for number in range(9000)), b'{"tags":[%b]}' % b",".join([b"[]"] * 9000),
    b'{"tags":[%b]}' % b",".join([b'""'] * 31), b'{"tags":{}}', b'{"tags":"a"}', b'{"tags":[null]}', b'{"tags":null}',
    b'{"caption":null}', b'{"seen":null}', b'{"seen":[],"caption":"a"}', b'{"seen":{"a":1},"caption":"a"}',
    b'{"seen":{"tags":[1]},"caption":"a"}', b'{"seen":{"caption":"\\ud800"},"caption":"a"}',
    b'{"seen":{"tags":["\\ud800"]},"tags":["a"]}', b'{"seen":{"tags":null},"tags":["a"]}',
    b'{"seen":{"caption":1},"caption":"a"}', b'{"tags":["\\ud800"]}', b'{"alt_text":"\\udfff"}', b" " * 163_840,
    b" " * 163_841, b"[" * 163_840, *(b"[" * depth + b"]" * depth for depth in DEPTHS),
    *(b"[" * depth for depth in DEPTHS[:-1]),
    *(b'{"a":' * (depth // 4) + b"1" + b"}" * (depth // 4) for depth in DEPTHS),
    *(b'{"caption":' + b"[" * depth + b"]" * depth + b"}" for depth in DEPTHS),
    *(b'{"caption":"a","seen":' + b'{"tags":[' * (depth // 8) + b"]}" * (depth // 8) + b"}" for depth in DEPTHS),
)  # fmt: skip

FORM_BODIES = (
    b"", b"&", b"=", b"%", b"%zz", b"caption", b"caption=%ff", b"caption=\xff\xfe", b"caption=%ed%a0%80",
    b"caption=%00", b"tags=%00", b"caption=a&caption=b", b"caption=" + b"a" * 3000, b"a=b&" * 2000, b"&" * 9000,
    b"tags=" + b"," * 3000, NUL, b"caption=%u0041", b"seen_caption=%ff&caption=a", b"caption=%f5%80%80%80",
    b";" * 900, b"caption=" + b"%0d%0a" * 500,
)  # fmt: skip
PART = b'--b\r\nContent-Disposition: form-data; name="caption"\r\n\r\na\r\n--b--\r\n'
PARTS = (
    b"", b"--b", b"--b--", b"--b\r\n", b"--b\r\n\r\n", b"--b\r\n\r\na\r\n--b--\r\n", PART, PART[:-2], PART[:-5],
    PART[:30], b"x" + PART, PART.replace(b"\r\n", b"\n"), PART.replace(b"form-data", b"attachment"),
    PART.replace(b'"caption"', b""), PART.replace(b'"caption"', b'"'), PART.replace(b'"caption"', b"\xff"),
    PART.replace(b'"caption"', b'"caption"; filename="x"'), PART.replace(b'"caption"', b'"caption"; filename*=x'),
    PART.replace(b'"caption"', b"\"caption\"; filename*=utf-16''%ff"), PART.replace(b"Content-Disposition", b"X"),
    PART.replace(b"Content-Disposition: ", b"Content-Disposition"),
    PART.replace(b"\r\n\r\na", b"\r\nContent-Type: text/plain; charset=x\r\n\r\n\xff"),
    PART.replace(b"\r\n\r\na", b"\r\nA: " + b"b" * 9000 + b"\r\n\r\na"), PART[:-6] * 1100 + b"--b--\r\n",
    PART.replace(b"a\r\n--b--", b"\xff\xfe\r\n--b--"),
    PART.replace(b"\r\n\r\na", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n!"), b"--b\r\n" * 900,
)  # fmt: skip

CHUNKS = (
    b"", b"\r\n", b"x\r\n", b"g\r\n", b"-1\r\n", b"-1\r\na\r\n0\r\n\r\n", b"+2\r\n{}\r\n0\r\n\r\n",
    b"0x2\r\n{}\r\n0\r\n\r\n", b"2_\r\n", b" 2\r\n{}\r\n0\r\n\r\n", b"2 \r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n",
    b"2\r{}\r0\r\r", b"2\r\n{}0\r\n\r\n", b"2\r\n{}", b"2\r\n{}\r\n", b"2\r\n{}\r\n0", b"2\r\n{}\r\n0\r\n",
    b"1\r\n{}\r\n0\r\n\r\n", b"3\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffff\r\n{}", b"f" * 400 + b"\r\n",
    b"9" * 5000 + b"\r\n{}", b"7fffffff\r\n{}\r\n0\r\n\r\n", b"2;\r\n{}\r\n0\r\n\r\n", b"2;a=\"\r\n{}\r\n0\r\n\r\n",
    b"2;" + b"a" * 9000 + b"\r\n{}\r\n0\r\n\r\n", b"2;\x00\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nA\r\n\r\n",
    b"2\r\n{}\r\n0\r\n: a\r\n\r\n", b"2\r\n{}\r\n0\r\nA: b", b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
    b"2\r\n{}\r\n2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n\r\n0\r\n\r\n", b"\xff\r\n{}\r\n0\r\n\r\n", b"\x00\r\n",
    "２\r\n".encode(), b"00000000000002\r\n{}\r\n0\r\n\r\n", b"0\r\n\r\n", *(b"1\r\n{\r\n" * 3000,),
    b"1\r\n \r\n" * 9000 + b"2\r\n{}\r\n0\r\n\r\n", b"28001\r\n" + b" " * 0x28001 + b"\r\n0\r\n\r\n",
)  # fmt: skip

PATHS = (
    b"*", b"", b"x", b"//", b"///]ufd/:", b"//[", b"http://[::1/", b"http://localhost/", b"http://..//", b"/%",
    b"/%zz", b"/%00", b"/%ff", b"/%ed%a0%80", b"/\xff", "/é".encode(), b"/%2e%2e/", b"/../../etc/passwd", b"/..%2f",
    b"/a\\b", b"/?%", b"/?%ff=%ff", b"/?q=%ff", b"/?q=%ed%a0%80", b"/?q=%00", b"/?q=a%00b", b"/?q=\xff",
    b"/?before=%00", b"/?before=" + b"9" * 3000, b"/?q=" + b"a" * 3900, b"/?q=" + b"a+" * 1900, b"/?" + b"a=b&" * 900,
    b"/?" + b"&" * 3000, b"/?q=a&q=b", b"/?q", b"/?=", b"/?#", b"/#", b"/api/images?limit=%ff",
    b"/api/images?limit=" + b"9" * 3900, b"/api/images?limit=1e400", b"/api/images?limit=NaN",
    b"/api/images?limit=-1", b"/api/images?limit=%D9%A3", b"/api/images?before=%00", b"/api/images?before=%ff",
    b"/api/images?q=%ff", b"/api/images?q=%ed%a0%80", b"/api/images?q=%00", b"/api/images?q=%", b"/api/images?q=%2B",
    b"/api/images?q=%F0%9F%99%82", b"/api/images?q=" + b"%" * 3000, b"/api/images?q=" + b"%ff" * 1200,
    b"/api/images?q=%27%22%5C", b"/api/images/%00", b"/api/images/%ff", b"/api/images/" + b"a" * 3900,
    b"/api/images/..", b"/api/images/%2e%2e%2f", b"/api/images/" + PHOTO.upper().encode(),
    b"/api/images/" + PHOTO.encode() + b"%0a", b"/api//images", b"//api/images", b"/api/%69mages", b"/api", b"/api/",
    b"/images/%00", b"/images/" + PHOTO.encode() + b"?key=%ff", b"/images/" + PHOTO.encode() + b"/edit?%ff",
    b"/static/..%2f..%2fapp.py", b"/" + b"a" * 5000, b"/" + b"a/" * 1900, b"/;a=b", b"/%25%30%30", b"/\x00", b"/ ",
    b"/ x", b"/\t",
)  # fmt: skip

REQUEST_LINES = (
    b"", b"\r\n\r\n", b"GET", b"GET /", b"GET / ", b"GET / HTTP", b"GET / HTTP/", b"GET / HTTP/1",
    b"GET / HTTP/1.1.1", b"GET / HTTP/9.9", b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET / HTTP/1.0",
    b"GET / HTTP/-1.1", b"GET / http/1.1", b"GET / XTTP/1.1", b"get / HTTP/1.1", b"G\xc9T / HTTP/1.1",
    b"G(T / HTTP/1.1", b"GET\t/\tHTTP/1.1", b"GET  /  HTTP/1.1", b" GET / HTTP/1.1", b"\x00GET / HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0", b"CONNECT localhost:80 HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"TRACE / HTTP/1.1", b"A" * 30 + b" / HTTP/1.1", b"FOO /api/images HTTP/1.1",
    b"LOCK / HTTP/1.1", b"HEAD /api/images?limit=x HTTP/1.1", b"OPTIONS /api/images HTTP/1.1",
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1",
)  # fmt: skip

HEADER_LINES = (
    b"A", b":", b": a", b" : a", b"A : b", b" A: b", b"A:b\r\n c", b"A: b\r\n\tc", b"A: \x00", b"A: b\rc",
    b"A\x00: b", b"\xff: b", b"A: \xff", b"A_B: c", b"A: " + b"b" * 9000, b"A: b\r\n" * 110, b"A(: b", b"A\t: b",
    b"Host: a", b"HOST: b", b"Content-Type: a", b"Content_Length: 3", b"Wsgi.Input: a", b"X-Forwarded_For: a",
    b"A: b\nC: d", b"A: b\n\nC",
)  # fmt: skip


def request(line: bytes, headers: bytes = b"", body: bytes = b"", host: bytes | None = b"localhost") -> bytes:
    """Return a request; `line` is a method and a target, or a complete request line."""
    line = line if line.count(b" ") != 1 or line.endswith(b" ") else line + b" HTTP/1.1"
    host_line = b"" if host is None else b"Host: %b\r\n" % host
    return b"%b\r\n%b%bConnection: close\r\n\r\n%b" % (line, host_line, headers, body)


def with_body(line: bytes, content_type: bytes, body: bytes, headers: bytes = b"") -> bytes:
    """Return a request with a body and the correct Content-Length."""
    return request(line, b"Content-Type: %b\r\nContent-Length: %d\r\n%b" % (content_type, len(body), headers), body)


def chunked(line: bytes, chunks: bytes) -> bytes:
    """Return a request with a chunked body."""
    return request(line, b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", chunks)


def corpus() -> Iterator[bytes]:
    """Generate all requests."""
    page, script, api = b"GET /", b"GET /gallery.js", b"GET /api/images"
    for line, host in itertools.product((page, api, FORM, JSON_TARGETS[1], b"GET /no-such-page"), (*HOSTS, None)):
        yield request(line, host=host)
    for line, origin in itertools.product(CHANGES, ORIGINS):
        yield request(line, b"Origin: %b\r\n" % origin)
    for name, values in HEADERS.items():
        for line, value in itertools.product((page, script, api, JSON_TARGETS[1]), values):
            yield request(line, b"%b: %b\r\n" % (name, value))
    for line, length in itertools.product((api, *CHANGES), CONTENT_LENGTHS):
        yield request(line, b"Content-Type: application/json\r\nContent-Length: %b\r\n" % length, b"{}")
    for line, content_type in itertools.product((FORM, JSON_TARGETS[1]), CONTENT_TYPES):
        yield with_body(line, content_type, b"{}")
    for body in BODIES:
        yield with_body(JSON_TARGETS[1], b"application/json", body)
    for key, spellings in {"bytes": (*NUMBERS, *TEXTS), "filename": TEXTS, "content_type": TEXTS}.items():
        for raw in spellings:
            yield with_body(JSON_TARGETS[0], b"application/json", _upload(key, raw))
    for value in (*TEXTS, *NUMBERS):
        yield with_body(JSON_TARGETS[1], b"application/json", b'{"caption":%b}' % value)
    for body in FORM_BODIES:
        yield with_body(FORM, b"application/x-www-form-urlencoded", body)
    for body in PARTS:
        yield with_body(FORM, b"multipart/form-data; boundary=b", body)
    for line, chunks in itertools.product((api, *CHANGES), CHUNKS):
        yield chunked(line, chunks)
    for method, path in itertools.product((b"GET", b"POST", b"PATCH"), PATHS):
        yield request(method + b" " + path + b" HTTP/1.1")
    for line in REQUEST_LINES:
        yield request(line)
    for line, header in itertools.product((page, api), HEADER_LINES):
        yield request(line, header + b"\r\n")
