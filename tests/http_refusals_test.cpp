// Every request the connection must refuse, and those next to them that it must not.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "io/json/json.h"
#include "io/protocol/http/connection.h"

namespace patronus::http::http_refusals_test {
namespace {

struct Case {
  const char* name;
  std::string bytes;
  int status;  // 0: the request is taken
  const char* detail = "";
};

std::string get(std::string_view headers) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

std::string target(std::string_view t) { return "GET " + std::string(t) + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

std::string host(std::string_view value) {
  return "GET / HTTP/1.1\r\nHost:" + std::string(value) + "\r\n\r\n";
}

void check(const Case& c, bool by_byte) {
  SCOPED_TRACE(std::string(c.name) + (by_byte ? " by byte" : " whole"));
  Connection connection(Limits{}, Instant{0}, WallTime{0});
  const size_t step = by_byte ? 1 : c.bytes.size();
  for (size_t i = 0; i < c.bytes.size(); i += step)
    connection.feed(Instant{1}, std::string_view(c.bytes).substr(i, step));
  const bool taken = connection.next_request().has_value();
  const std::string out = connection.take_output();
  if (c.status == 0) {
    EXPECT_TRUE(taken) << out;
    EXPECT_EQ(out, "");
    return;
  }
  EXPECT_FALSE(taken);
  ASSERT_EQ(out.substr(0, 13), "HTTP/1.1 " + std::to_string(c.status) + " ") << out;
  EXPECT_NE(out.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(out.find("Content-Type: application/problem+json\r\n"), std::string::npos);
  const std::string body = out.substr(out.find("\r\n\r\n") + 4);
  const auto parsed = json::parse(body);
  ASSERT_TRUE(std::holds_alternative<picojson::value>(parsed)) << body;
  const auto& problem = std::get<picojson::value>(parsed);
  EXPECT_EQ(problem.get("status").get<int64_t>(), c.status);
  EXPECT_EQ(problem.get("type").to_str(), "about:blank");
  EXPECT_EQ(problem.get("title").to_str(), reason_phrase(c.status));
  EXPECT_NE(problem.get("code").to_str(), "");
  EXPECT_NE(problem.get("detail").to_str().find(c.detail), std::string::npos) << body;
  EXPECT_FALSE(connection.wants_close());
  connection.on_written(Instant{2}, out.size());
  EXPECT_TRUE(connection.wants_close());
  connection.feed(Instant{3}, get(""));
  EXPECT_FALSE(connection.next_request().has_value());
}

void check_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    check(c, false);
    check(c, true);
  }
}

TEST(HttpRefusals, RequestLine) {
  check_all({
      {"plain", get(""), 0},
      {"one blank line before", "\r\n" + get(""), 0},
      {"two blank lines before", "\r\n\r\n" + get(""), 400, "method"},
      {"http 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"http 2", "GET / HTTP/2\r\nHost: h\r\n\r\n", 505},
      {"http 0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"http 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"http 3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
      {"no version", "GET /\r\n\r\n", 505, "no HTTP version"},
      {"version 1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
      {"version in lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"other protocol", "GET / ICY/1.1\r\nHost: h\r\n\r\n", 400},
      {"no target", "GET\r\nHost: h\r\n\r\n", 400},
      {"empty target", "GET  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces before version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two spaces before target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"space after version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
      {"space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"tab for space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"leading space", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"tls hello", std::string("\x16\x03\x01", 3), 400, "method"},
      {"bad method character", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"rtsp method", "DESCRIBE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"trace", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"long method", std::string(40, 'A') + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"webdav method", "PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
      {"bare lf", "GET / HTTP/1.1\nHost: h\n\n", 400, "CR LF"},
      {"bare lf in headers", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400, "CR LF"},
      {"bare cr", "GET / HTTP/1.1\rHost: h\r\n\r\n", 400, "CR without LF"},
      {"cr cr lf", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400},
      {"bare lf ends head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
  });
}

TEST(HttpRefusals, Target) {
  check_all({
      {"origin", target("/a/b%20c?x=1&y"), 0},
      {"encoded slash stays in its segment", target("/a%2Fb"), 0},
      {"options star", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0},
      {"get star", target("*"), 400},
      {"absolute", target("http://h/a"), 400, "absolute form"},
      {"authority", target("h:80"), 400},
      {"empty segment", target("//a"), 400, "empty segment"},
      {"empty segment inside", target("/a//b"), 400, "empty segment"},
      {"trailing slash", target("/a/"), 400, "empty segment"},
      {"dot", target("/a/./b"), 400, "dot segment"},
      {"dot dot", target("/a/../b"), 400, "dot segment"},
      {"encoded dot dot", target("/a/%2e%2E/b"), 400, "dot segment"},
      {"three dots", target("/..."), 0},
      {"short escape", target("/a%2"), 400, "escape"},
      {"bad escape", target("/a%zz"), 400, "escape"},
      {"bare percent", target("/?a=%"), 400, "escape"},
      {"nul", target("/a%00b"), 400, "NUL"},
      {"nul in query", target("/?a=%00"), 400, "NUL"},
      {"latin 1", target("/%e9"), 400, "UTF-8"},
      {"utf-8", target("/%c3%a9"), 0},
      {"overlong slash", target("/%c0%af"), 400, "UTF-8"},
      {"fragment", target("/a#b"), 400, "fragment"},
      {"raw non-ascii", target("/\xc3\xa9"), 400, "non-ASCII"},
      {"raw control", target("/a\x01"), 400, "control"},
      {"delete", target("/a\x7f"), 400, "control"},
      {"raw nul", target(std::string_view("/a\0b", 4)), 400, "control"},
  });
}

TEST(HttpRefusals, Headers) {
  check_all({
      {"folding", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400, "folding"},
      {"folding by tab", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n", 400, "folding"},
      {"folded length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 5\r\n\r\nhello", 400, "folding"},
      {"space before first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, "before the first header"},
      {"space before colon", get("A : b\r\n"), 400, "colon"},
      {"tab before colon", get("A\t: b\r\n"), 400, "colon"},
      {"no colon", get("A\r\n"), 400, "without a colon"},
      {"no name", get(": b\r\n"), 400, "without a name"},
      {"bad name", get("A(b): c\r\n"), 400, "name"},
      {"non-ascii name", get("\xc3\xa9: c\r\n"), 400, "name"},
      {"nul in value", get(std::string_view("A: b\0c\r\n", 8)), 400, "value"},
      {"control in value", get("A: b\x01\r\n"), 400, "value"},
      {"delete in value", get("A: b\x7f\r\n"), 400, "value"},
      {"cr in value", get("A: b\rc\r\n"), 400, "CR"},
      {"tab in value", get("A: b\tc\r\n"), 0},
      {"empty value", get("A:\r\nB: \r\nC: x\r\n"), 0},
      {"obs-text in value", get("A: \xe9\r\n"), 0},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400, "Host"},
      {"no host in 1.0", "GET / HTTP/1.0\r\n\r\n", 0},
      {"two hosts", get("Host: h\r\n"), 400, "more than one Host"},
      {"two hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "more than one Host"},
      {"empty host", host(""), 400, "Host"},
      {"host with port", host(" example.com:8443"), 0},
      {"host with empty port", host(" example.com:"), 0},
      {"ipv6", host(" [::1]:80"), 0},
      {"ipv6 without brackets", host(" ::1"), 400, "Host"},
      {"bad ipv6", host(" [xyz]"), 400, "Host"},
      {"after ipv6", host(" [::1]80"), 400, "Host"},
      {"port too large", host(" h:65536"), 400, "Host"},
      {"bad port", host(" h:8a"), 400, "Host"},
      {"host with space", host(" a b"), 400, "Host"},
      {"host with user", host(" u@h"), 400, "Host"},
      {"host with path", host(" h/a"), 400, "Host"},
      {"host list", host(" a,b"), 0},  // RFC 3986 lets a name have a comma
      {"host with bad escape", host(" a%2"), 400, "Host"},
      {"other expectation", get("Expect: cake\r\n"), 417},
      {"two expectations", get("Expect: 100-continue, cake\r\n"), 417},
  });
}

TEST(HttpRefusals, Framing) {
  const auto post = [](std::string_view headers, std::string_view body = "") {
    return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" + std::string(body);
  };
  check_all({
      {"length", post("Content-Length: 5\r\n", "hello"), 0},
      {"length with zeros", post("Content-Length: 0005\r\n", "hello"), 0},
      {"two lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400, "Content-Length"},
      {"length list", post("Content-Length: 5,5\r\n", "hello"), 400, "Content-Length"},
      {"length list with space", post("Content-Length: 5, 5\r\n", "hello"), 400, "Content-Length"},
      {"plus", post("Content-Length: +5\r\n", "hello"), 400, "Content-Length"},
      {"minus", post("Content-Length: -5\r\n", "hello"), 400, "Content-Length"},
      {"hex", post("Content-Length: 0x5\r\n", "hello"), 400, "Content-Length"},
      {"space inside", post("Content-Length: 1 1\r\n", "hello"), 400, "Content-Length"},
      {"empty length", post("Content-Length:\r\n"), 400, "Content-Length"},
      {"overflow", post("Content-Length: 18446744073709551621\r\n", "hello"), 400, "Content-Length"},
      {"huge", post("Content-Length: " + std::string(400, '9') + "\r\n"), 400, "Content-Length"},
      {"over the limit", post("Content-Length: 1572865\r\n"), 413, "1572864"},
      {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
      {"gzip", post("Transfer-Encoding: gzip\r\n"), 501},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
      {"chunked, gzip", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 501},
      {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 501},
      {"chunked in two headers",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 501},
      {"chunked and identity",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 501},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
      {"chunked with parameter", post("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n"), 501},
      {"empty coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 501},
      {"quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 501},
      {"chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), 0},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
      {"vertical tab before chunked", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), 400},
  });
}

TEST(HttpRefusals, Chunks) {
  check_all({
      {"two chunks", chunked("5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"), 0},
      {"trailers", chunked("1\r\nx\r\n0\r\nA: b\r\nB: c\r\n\r\n"), 0},
      {"extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), 400, "extension"},
      {"empty extension", chunked("5;\r\nhello\r\n0\r\n\r\n"), 400, "extension"},
      {"extension of the last", chunked("0;a\r\n\r\n"), 400, "extension"},
      {"space before extension", chunked("5 ;a\r\nhello\r\n0\r\n\r\n"), 400},
      {"space after size", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
      {"space before size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
      {"no size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
      {"hex prefix", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"sign", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"negative", chunked("-5\r\nhello\r\n0\r\n\r\n"), 400},
      {"underscore", chunked("1_0\r\n"), 400},
      {"bare lf after size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
      {"bare cr after size", chunked("5\rhello\r\n0\r\n\r\n"), 400},
      {"bare lf after data", chunked("5\r\nhello\n0\r\n\r\n"), 400},
      {"data too long", chunked("5\r\nhellohello\r\n0\r\n\r\n"), 400},
      {"overflow", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400, "digits"},
      {"largest size", chunked("FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), 413},
      {"over the limit", chunked("180001\r\n"), 413},
      {"over the limit together", chunked("5\r\nhello\r\n17FFFC\r\n"), 413},
      {"folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), 400, "folding"},
      {"trailer without colon", chunked("0\r\nA\r\n\r\n"), 400},
      {"bare lf in trailer", chunked("0\r\nA: b\n\r\n"), 400},
      {"bare lf ends trailers", chunked("0\r\n\n"), 400},
      {"bare cr in trailer", chunked("0\r\nA: b\rc\r\n\r\n"), 400},
      {"trailer size", chunked("0\r\nA: " + std::string(16384, 'x')), 431},
  });
}

TEST(HttpRefusals, Limits) {
  std::string many;
  for (int i = 0; i < 99; ++i) many += "A" + std::to_string(i) + ": b\r\n";
  const auto header_of = [](size_t bytes) { return "A: " + std::string(bytes - 5, 'x') + "\r\n"; };
  check_all({
      {"100 headers", get(many), 0},
      {"101 headers", get(many + "B: c\r\n"), 431, "100"},
      // "Host: h" and the empty line take 11 of the bytes.
      {"16384 header bytes", get(header_of(16384 - 11)), 0},
      {"16385 header bytes", get(header_of(16384 - 10)), 431, "16384"},
      {"endless header", "GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(17000, 'x'), 431},
      {"8192 target bytes", target("/" + std::string(8191, 'a')), 0},
      {"8193 target bytes", target("/" + std::string(8192, 'a')), 414, "8192"},
      {"endless target", "GET /" + std::string(9000, 'a'), 414},
      {"endless method", std::string(9000, 'A'), 414},
  });
}

// What stands behind a refused request must never be taken for a request.
TEST(HttpRefusals, NothingIsSmuggled) {
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::vector<std::string> attacks = {
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n 5\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  };
  for (const std::string& attack : attacks) {
    SCOPED_TRACE(attack);
    Connection connection(Limits{}, Instant{0});
    connection.feed(Instant{1}, attack + hidden);
    EXPECT_FALSE(connection.next_request().has_value());
    EXPECT_EQ(connection.take_output().substr(0, 10), "HTTP/1.1 4");
  }
}

TEST(HttpRefusals, ARefusedHeadHasNoBody) {
  Connection connection(Limits{}, Instant{0});
  connection.feed(Instant{1}, "HEAD /a/../b HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string out = connection.take_output();
  EXPECT_EQ(out.substr(0, 12), "HTTP/1.1 400");
  EXPECT_TRUE(out.ends_with("\r\n\r\n"));
}

}  // namespace
}  // namespace patronus::http::http_refusals_test
