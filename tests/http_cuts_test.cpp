// However the bytes are cut, and whatever they are.
#include <gtest/gtest.h>
// rapidcheck's header needs gtest's before it.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "io/protocol/http/connection.h"

namespace patronus::http::http_cuts_test {
namespace {

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

TEST(HttpCuts, BodiesUpToTheLimit) {
  const Limits limits;
  const std::string body(limits.body_bytes_max, 'b');
  for (const bool chunked : {false, true}) {
    const std::string bytes =
        chunked ? "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n180000\r\n" + body +
                      "\r\n0\r\n\r\n"
                : "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1572864\r\n\r\n" + body;
    Connection c(limits, Instant{0});
    for (size_t at = 0; at < bytes.size(); at += 65536) {
      EXPECT_TRUE(c.wants_read());
      EXPECT_FALSE(c.next_request());
      c.feed(Instant{0}, std::string_view(bytes).substr(at, 65536));
    }
    const auto in = c.next_request();
    ASSERT_TRUE(in);
    EXPECT_TRUE(in->request.body == body);
    EXPECT_EQ(c.buffered_bytes(), 0U);
  }
}

// What a run of the connection shows, with every request answered at once.
std::string transcript(const std::string& bytes, const std::vector<size_t>& cuts) {
  Connection c(Limits{}, Instant{0}, WallTime{0});
  std::string seen;
  std::string written;  // apart, since how the two alternate does depend on the cuts
  const auto settle = [&] {
    while (auto in = c.next_request()) {
      seen += std::to_string(in->id) + " " + in->request.method_name + " " + in->request.target;
      for (const Header& h : in->request.headers) seen += "|" + h.name + "=" + h.value;
      seen += "|" + in->request.body + "\n";
      Response echo;
      echo.body = in->request.target;
      c.respond(Instant{0}, WallTime{0}, in->id, std::move(echo));
    }
    const std::string out = c.take_output();
    c.on_written(Instant{0}, out.size());
    written += out;
  };
  size_t from = 0;
  for (size_t i = 0; from < bytes.size(); ++i) {
    const size_t size = cuts.empty() ? bytes.size() : std::max<size_t>(cuts[i % cuts.size()], 1);
    c.feed(Instant{0}, std::string_view(bytes).substr(from, size));
    from += size;
    settle();
  }
  c.end_of_input(Instant{0});
  settle();
  return seen + written;
}

std::string request_from(uint32_t choice) {
  switch (choice % 9) {
    case 0:
      return get("/a/b?c=d");
    case 1:
      return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
    case 2:
      return "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
             "chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n";
    case 3:
      return "HEAD /h HTTP/1.1\r\nHost: h\r\nA:  b \r\nC:\r\n\r\n";
    case 4:
      return "\r\n" + get("/blank");
    case 5:
      return get("/long/" + std::string(300, 'x'), "Cookie: " + std::string(500, 'y') + "\r\n");
    case 6:
      return get("/e");
    case 7:
      return choice % 4 == 0 ? "GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n" : get("/f", "Connection: x\r\n");
    default:
      return choice % 8 == 0 ? "GET / HTTP/1.0\r\n\r\n" : get("/g");
  }
}

RC_GTEST_PROP(HttpCuts, CutsDoNotMatter, (const std::vector<uint32_t>& choices, std::vector<uint8_t> sizes)) {
  std::string bytes;
  for (const uint32_t choice : choices) bytes += request_from(choice);
  const std::string whole = transcript(bytes, {});
  RC_ASSERT(transcript(bytes, {1}) == whole);
  RC_ASSERT(transcript(bytes, std::vector<size_t>(sizes.begin(), sizes.end())) == whole);
}

RC_GTEST_PROP(HttpCuts, AnyBytesAreSurvived, (const std::string& bytes, std::vector<uint8_t> sizes)) {
  transcript(bytes, std::vector<size_t>(sizes.begin(), sizes.end()));
  transcript("GET / HTTP/1.1\r\nHost: h\r\n" + bytes, {3});
}

}  // namespace
}  // namespace patronus::http::http_cuts_test
