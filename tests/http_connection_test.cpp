// Order, timeouts, pauses and endings of a connection.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "io/protocol/http/connection.h"

namespace patronus::http::http_connection_test {
namespace {

using std::chrono::seconds;

constexpr WallTime kWall{784111777000};  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::string_view kDate = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

Instant at(int64_t s) { return Instant{0} + seconds(s); }

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

Response text(std::string_view body) {
  Response r;
  r.body = body;
  return r;
}

std::string ok(std::string_view body, std::string_view connection = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(kDate) +
         std::string(connection) + "\r\n" + std::string(body);
}

// What the owner does with output.
std::string write(Connection& c, Instant now = Instant{0}) {
  std::string out = c.take_output();
  c.on_written(now, out.size());
  return out;
}

void answer(Connection& c, StreamId id, std::string_view body = "x", Instant now = Instant{0}) {
  c.respond(now, kWall, id, text(body));
}

TEST(HttpConnection, ReadsARequest) {
  Connection c(Limits{}, at(0));
  c.feed(at(0),
         "POST /api/v1/a%20b/c%2Fd?x=1&y=%26&x=2&flag&=e HTTP/1.1\r\nHOST: h:80\r\nX-Thing:  v w "
         "\t\r\nEmpty:\r\n"
         "Content-Length: 5\r\n\r\nhello");
  const auto in = c.next_request();
  ASSERT_TRUE(in);
  const Request& r = in->request;
  EXPECT_EQ(in->id, 1U);
  EXPECT_EQ(r.method, Method::kPost);
  EXPECT_EQ(r.method_name, "POST");
  EXPECT_EQ(r.target, "/api/v1/a%20b/c%2Fd?x=1&y=%26&x=2&flag&=e");
  EXPECT_EQ(r.segments, (std::vector<std::string>{"api", "v1", "a b", "c/d"}));
  ASSERT_EQ(r.query.size(), 5U);
  EXPECT_EQ(*r.param("x"), "1");
  EXPECT_EQ(*r.param("y"), "&");
  EXPECT_EQ(*r.param("flag"), "");
  EXPECT_EQ(r.query[4].value, "e");
  EXPECT_EQ(r.param("z"), nullptr);
  ASSERT_EQ(r.headers.size(), 4U);
  EXPECT_EQ(*r.header("host"), "h:80");
  EXPECT_EQ(*r.header("x-thing"), "v w");
  EXPECT_EQ(*r.header("empty"), "");
  EXPECT_EQ(r.header("none"), nullptr);
  EXPECT_EQ(r.body, "hello");
  EXPECT_TRUE(r.keep_alive);
  EXPECT_FALSE(c.next_request());
}

TEST(HttpConnection, AnswersInTheOrderOfTheRequests) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), get("/1") + get("/2") + get("/3"));
  for (StreamId id = 1; id <= 3; ++id) EXPECT_EQ(c.next_request()->id, id);
  answer(c, 3, "three");
  answer(c, 2, "two");
  EXPECT_EQ(write(c), "");
  answer(c, 1, "one");
  EXPECT_EQ(write(c), ok("one") + ok("two") + ok("three"));
  answer(c, 1, "again");
  answer(c, 9, "never asked");
  EXPECT_EQ(write(c), "");
  EXPECT_FALSE(c.wants_close());
  c.feed(at(1), get("/4"));
  EXPECT_EQ(c.next_request()->id, 4U);
}

TEST(HttpConnection, AnErrorWaitsForEarlierAnswers) {
  Connection c(Limits{}, at(0), kWall);
  c.feed(at(0), get("/1") + "bad\r\n\r\n" + get("/2"));
  ASSERT_TRUE(c.next_request());
  EXPECT_FALSE(c.next_request());
  EXPECT_EQ(write(c), "");
  EXPECT_FALSE(c.wants_close());
  EXPECT_TRUE(c.wants_read());  // and throws it away
  answer(c, 1, "one");
  const std::string out = write(c);
  EXPECT_EQ(out.substr(0, ok("one").size()), ok("one"));
  EXPECT_EQ(out.substr(ok("one").size(), 12), "HTTP/1.1 400");
  EXPECT_NE(out.find(kDate, ok("one").size()), std::string::npos);
  EXPECT_TRUE(c.wants_close());
}

TEST(HttpConnection, HeadersOfAnAnswer) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), get("/"));
  Response r;
  r.status = 404;
  r.headers = {
      {"X-A", "b\r\nInjected: 1"}, {"content-length", "7"}, {"Bad Name", "x"}, {"Date", "x"}, {"", "x"}};
  c.respond(at(0), kWall, 1, std::move(r));
  EXPECT_EQ(write(c), "HTTP/1.1 404 Not Found\r\nX-A: b  Injected: 1\r\nContent-Length: 0\r\n" +
                          std::string(kDate) + "\r\n");
}

TEST(HttpConnection, AnswersWithoutABody) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + get("/") + get("/") + get("/"));
  EXPECT_EQ(c.next_request()->request.method, Method::kHead);
  answer(c, 1, "12345");
  EXPECT_EQ(write(c), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + std::string(kDate) + "\r\n");
  for (const int status : {204, 304}) {
    Response r;
    r.status = status;
    c.respond(at(0), kWall, status == 204 ? 2 : 3, std::move(r));
  }
  EXPECT_EQ(write(c), "HTTP/1.1 204 No Content\r\n" + std::string(kDate) +
                          "\r\nHTTP/1.1 304 Not Modified\r\n" + std::string(kDate) + "\r\n");
  Response impossible;
  impossible.status = 100;
  c.respond(at(0), kWall, 4, std::move(impossible));
  EXPECT_EQ(write(c).substr(0, 12), "HTTP/1.1 500");
}

TEST(HttpConnection, KeepAliveAndClose) {
  struct Case {
    std::string request;
    bool keeps;
    const char* says;
  };
  const std::vector<Case> cases = {
      {get("/"), true, ""},
      {get("/", "Connection: close\r\n"), false, "Connection: close\r\n"},
      {get("/", "Connection: keep-alive , Close\r\n"), false, "Connection: close\r\n"},
      {get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"), true, ""},
      {"GET / HTTP/1.0\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "Connection: keep-alive\r\n"},
  };
  for (const Case& k : cases) {
    SCOPED_TRACE(k.request);
    Connection c(Limits{}, at(0));
    c.feed(at(0), k.request + get("/next"));
    const auto first = c.next_request();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->request.keep_alive, k.keeps);
    EXPECT_EQ(c.next_request().has_value(), k.keeps);
    answer(c, 1);
    EXPECT_EQ(write(c), ok("x", k.says));
    EXPECT_EQ(c.wants_close(), !k.keeps);
  }
}

TEST(HttpConnection, AHandlerMayClose) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), get("/1") + get("/2"));
  Response r = text("x");
  r.close = true;
  answer(c, 2, "late");
  c.respond(at(0), kWall, 1, std::move(r));
  EXPECT_EQ(c.take_output(), ok("x", "Connection: close\r\n"));
  EXPECT_FALSE(c.next_request());
  EXPECT_FALSE(c.wants_close());
  c.on_written(at(0), 1000);
  EXPECT_TRUE(c.wants_close());
  EXPECT_EQ(c.deadline(), Instant::never());
}

TEST(HttpConnection, Continue) {
  const std::string head = "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  {
    Connection c(Limits{}, at(0));
    c.feed(at(0), head);
    EXPECT_EQ(write(c), interim);
    c.feed(at(0), "ab");
    EXPECT_EQ(c.next_request()->request.body, "ab");
    EXPECT_EQ(write(c), "");
  }
  {
    Connection c(Limits{}, at(0));
    c.feed(at(0), head + "a");
    EXPECT_EQ(write(c), "");
  }
  {
    Connection c(Limits{}, at(0));
    c.feed(at(0), get("/") + head);
    EXPECT_EQ(write(c), "");
    answer(c, 1, "x");
    EXPECT_EQ(write(c), ok("x") + interim);
  }
  {
    Connection c(Limits{}, at(0));
    c.feed(at(0), "PUT /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(write(c), "");
  }
  {
    Connection c(Limits{}, at(0));
    c.feed(at(0), "PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
    EXPECT_EQ(write(c).substr(0, 12), "HTTP/1.1 413");
  }
}

TEST(HttpConnection, PausesAtTheEndOfThePipeline) {
  Limits limits;
  limits.pipeline_max = 2;
  Connection c(limits, at(0));
  std::string all;
  for (int i = 1; i <= 7; ++i) all += get("/" + std::to_string(i));
  c.feed(at(0), all.substr(0, all.size() - 3));
  EXPECT_FALSE(c.wants_read());
  EXPECT_EQ(c.deadline(), Instant::never());
  StreamId next = 1;
  for (int round = 0; round < 6; ++round) {
    while (const auto in = c.next_request()) {
      EXPECT_EQ(in->request.segments.at(0), std::to_string(in->id));
      EXPECT_EQ(in->id, next++);
    }
    EXPECT_LE(c.requests_in_flight(), 2U);
    answer(c, static_cast<StreamId>(round + 1), "x", at(100));
    write(c, at(100));
  }
  EXPECT_EQ(next, 7U);
  EXPECT_TRUE(c.wants_read());
  EXPECT_EQ(c.deadline(),
            at(110));  // the seventh has begun, but its time did not run while we kept it waiting
  c.feed(at(101), all.substr(all.size() - 3));
  EXPECT_EQ(c.next_request()->id, 7U);
}

TEST(HttpConnection, PausesWhileOutputIsUnwritten) {
  Limits limits;
  limits.output_high_water_bytes = 1000;
  Connection c(limits, at(0));
  c.feed(at(0), get("/1"));
  answer(c, 1, std::string(2000, 'x'));
  EXPECT_FALSE(c.wants_read());
  const std::string out = c.take_output();
  EXPECT_FALSE(c.wants_read());
  c.feed(at(0), get("/2"));
  EXPECT_TRUE(c.next_request());
  EXPECT_FALSE(c.next_request());
  c.on_written(at(0), out.size());
  EXPECT_TRUE(c.wants_read());
  EXPECT_TRUE(c.next_request());
}

TEST(HttpConnection, AnOwnerWhoReadsOnRegardlessIsCutOff) {
  Limits limits;
  limits.pipeline_max = 1;
  limits.paused_input_bytes_max = 1000;
  Connection c(limits, at(0));
  for (int i = 0; i < 100 && !c.wants_close(); ++i) c.feed(at(0), get("/"));
  EXPECT_TRUE(c.wants_close());
  EXPECT_EQ(c.buffered_bytes(), 0U);
}

TEST(HttpConnection, IdleTimeouts) {
  Connection c(Limits{}, at(0));
  EXPECT_EQ(c.deadline(), at(10));
  c.on_time(at(9));
  EXPECT_FALSE(c.wants_close());
  Connection silent(Limits{}, at(0));
  silent.on_time(at(10));
  EXPECT_TRUE(silent.wants_close());
  EXPECT_EQ(silent.take_output(), "");

  c.feed(at(5), get("/"));
  EXPECT_EQ(c.deadline(), Instant::never());  // the handler has its own limits
  answer(c, 1, "x", at(20));
  EXPECT_EQ(c.deadline(), at(50));
  write(c, at(21));
  EXPECT_EQ(c.deadline(), at(96));
  c.feed(at(30), "\r\n");
  EXPECT_EQ(c.deadline(), at(96));  // a stray line end is no request
  c.on_time(at(96));
  EXPECT_TRUE(c.wants_close());
  EXPECT_EQ(c.take_output(), "");
}

TEST(HttpConnection, HeaderAndBodyTimeouts) {
  Connection c(Limits{}, at(0));
  c.feed(at(3), "GET / HT");
  EXPECT_EQ(c.deadline(), at(10));
  c.on_time(at(10));
  EXPECT_EQ(write(c).substr(0, 12), "HTTP/1.1 408");
  EXPECT_TRUE(c.wants_close());

  Connection d(Limits{}, at(0));
  d.feed(at(3), get("/1") + "G");
  EXPECT_EQ(d.deadline(), at(13));
  for (int i = 0; i < 9; ++i) d.feed(at(4 + i), "E");
  EXPECT_EQ(d.deadline(), at(13));  // dripping gains nothing
  d.on_time(at(13));
  EXPECT_EQ(write(d), "");
  answer(d, 1);
  EXPECT_NE(write(d).find("HTTP/1.1 408"), std::string::npos);
  EXPECT_TRUE(d.wants_close());

  Connection e(Limits{}, at(0));
  e.feed(at(3), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(e.deadline(), at(33));
  e.feed(at(20), "a");
  e.on_time(at(33));
  EXPECT_EQ(write(e).substr(0, 12), "HTTP/1.1 408");
  EXPECT_TRUE(e.wants_close());
}

TEST(HttpConnection, WriteTimeout) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), get("/"));
  answer(c, 1, "x", at(5));
  EXPECT_EQ(c.deadline(), at(35));
  const std::string out = c.take_output();
  c.on_written(at(10), 1);
  EXPECT_EQ(c.deadline(), at(40));
  c.on_time(at(40));
  EXPECT_TRUE(c.wants_close());
  EXPECT_EQ(c.deadline(), Instant::never());
  EXPECT_EQ(c.buffered_bytes(), 0U);
}

TEST(HttpConnection, Drain) {
  Connection idle(Limits{}, at(0));
  idle.drain();
  EXPECT_TRUE(idle.wants_close());

  Connection busy(Limits{}, at(0));
  busy.feed(at(0), get("/1") + get("/2") + "GET /3");
  busy.drain();
  answer(busy, 1);
  answer(busy, 2);
  EXPECT_EQ(write(busy), ok("x") + ok("x", "Connection: close\r\n"));
  EXPECT_TRUE(busy.wants_close());

  Connection begun(Limits{}, at(0));
  begun.feed(at(0), "GET / HTTP/1.1\r\n");
  begun.drain();
  EXPECT_FALSE(begun.wants_close());
  begun.feed(at(0), "Host: h\r\n\r\n" + get("/2"));
  ASSERT_TRUE(begun.next_request());
  EXPECT_FALSE(begun.next_request());
  answer(begun, 1);
  EXPECT_EQ(write(begun), ok("x", "Connection: close\r\n"));
  EXPECT_TRUE(begun.wants_close());

  Connection body(Limits{}, at(0));
  body.feed(at(0), get("/1") + "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
  body.drain();
  answer(body, 1);
  EXPECT_EQ(write(body), ok("x"));
  body.feed(at(0), "bc");
  answer(body, 2);
  EXPECT_EQ(write(body), ok("x", "Connection: close\r\n"));
  EXPECT_TRUE(body.wants_close());
}

TEST(HttpConnection, EndOfInput) {
  Connection idle(Limits{}, at(0));
  idle.end_of_input(at(0));
  EXPECT_TRUE(idle.wants_close());

  Limits one;
  one.pipeline_max = 1;
  Connection busy(one, at(0));
  busy.feed(at(0), get("/1") + get("/2"));
  busy.end_of_input(at(0));
  EXPECT_FALSE(busy.wants_close());
  answer(busy, 1);
  answer(busy, 2);
  EXPECT_EQ(write(busy), ok("x") + ok("x", "Connection: close\r\n"));
  EXPECT_TRUE(busy.wants_close());

  for (const char* partial : {"GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na"}) {
    Connection cut(Limits{}, at(0));
    cut.feed(at(0), partial);
    cut.end_of_input(at(0));
    EXPECT_EQ(write(cut).substr(0, 12), "HTTP/1.1 400");
    EXPECT_TRUE(cut.wants_close());
  }
}

TEST(HttpConnection, OutputMayBeSwapped) {
  Connection c(Limits{}, at(0));
  c.feed(at(0), get("/1"));
  answer(c, 1);
  std::string out = "old";
  EXPECT_TRUE(c.has_output());
  c.take_output(out);
  EXPECT_EQ(out, ok("x"));
  EXPECT_FALSE(c.has_output());
}

TEST(HttpConnection, Dates) {
  DateText date;
  EXPECT_EQ(date.at(WallTime{0}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date.at(WallTime{-5}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date.at(WallTime{951782399999}), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(date.at(WallTime{951782400000}), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date.at(WallTime{INT64_MAX}), "Fri, 31 Dec 9999 23:59:59 GMT");
}

}  // namespace
}  // namespace patronus::http::http_connection_test
