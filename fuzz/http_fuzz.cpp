// Any bytes to a connection, cut as the input says. However they are cut, the same requests come out and the
// same answers go; and what is accepted, llhttp reads alike from the bytes as they are.
#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/protocol/http/connection.h"

namespace {

using patronus::Instant;
using patronus::WallTime;
using patronus::http::Connection;
using patronus::http::Limits;
using patronus::http::Request;
using patronus::http::Response;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

Limits small_limits() {
  Limits limits;
  limits.target_bytes_max = 200;
  limits.header_bytes_max = 400;
  limits.header_count_max = 8;
  limits.body_bytes_max = 300;
  limits.pipeline_max = 3;
  return limits;
}

struct Run {
  std::vector<std::string> requests;
  std::vector<std::string> bodies;
  std::string output;
};

void check_request(const Limits& limits, const Request& request) {
  require(request.target.size() <= limits.target_bytes_max);
  require(request.headers.size() <= limits.header_count_max);
  require(request.body.size() <= limits.body_bytes_max);
  for (const std::string& segment : request.segments) {
    require(!segment.empty() && segment != "." && segment != ".." && segment.find('\0') == std::string::npos);
  }
}

std::string describe(const Request& request) {
  std::string text = request.method_name + " " + request.target;
  for (const auto& [name, value] : request.headers) text += "\n" + name + ":" + value;
  return text + (request.keep_alive ? "\n+" : "\n-") + request.body;
}

// A request whose headers expect an interim answer gets one or not, depending on what came with it.
void erase_interim(std::string& output) {
  constexpr std::string_view kInterim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (size_t at = output.find(kInterim); at != std::string::npos; at = output.find(kInterim, at)) {
    output.erase(at, kInterim.size());
  }
}

void settle(const Limits& limits, Connection& connection, Run& run) {
  for (bool again = true; again;) {
    again = false;
    while (auto in = connection.next_request()) {
      again = true;
      check_request(limits, in->request);
      run.requests.push_back(describe(in->request));
      require(in->id == run.requests.size());
      run.bodies.push_back(in->request.body);
      Response answer;
      answer.body = std::to_string(in->id);
      connection.respond(Instant{0}, WallTime{0}, in->id, std::move(answer));
    }
    const std::string output = connection.take_output();
    connection.on_written(Instant{0}, output.size());
    run.output += output;
  }
}

// With `cuts` empty everything is fed at once.
Run run_connection(std::string_view bytes, std::string_view cuts) {
  const Limits limits = small_limits();
  const size_t held_max =
      limits.target_bytes_max + 64 + limits.header_bytes_max + 2 + limits.body_bytes_max + 600;
  Connection connection(limits, Instant{0}, WallTime{0});
  Run run;
  size_t cut = 0;
  while (!bytes.empty()) {
    const size_t wanted =
        cuts.empty() ? bytes.size() : static_cast<uint8_t>(cuts[cut++ % cuts.size()]) % 40 + size_t{1};
    const size_t size = std::min(wanted, bytes.size());
    connection.feed(Instant{0}, bytes.substr(0, size));
    bytes.remove_prefix(size);
    settle(limits, connection, run);
    require(connection.buffered_bytes() <= held_max);
    require(connection.requests_in_flight() == 0);
    require(connection.wants_read());
  }
  connection.end_of_input(Instant{0});
  settle(limits, connection, run);
  require(connection.wants_close());
  require(connection.deadline() == Instant::never());
  erase_interim(run.output);
  return run;
}

struct Seen {
  std::vector<std::string> bodies;
};

int begin_message(llhttp_t* parser) {
  static_cast<Seen*>(parser->data)->bodies.emplace_back();
  return 0;
}

int take_body(llhttp_t* parser, const char* at, size_t size) {
  static_cast<Seen*>(parser->data)->bodies.back().append(at, size);
  return 0;
}

// llhttp alone must find the same bodies in what was accepted, or a proxy that reads like it could be fooled.
void compare_with_llhttp(std::string_view bytes, const Run& run) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_message_begin = begin_message;
  settings.on_body = take_body;
  Seen seen;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &seen;
  while (llhttp_execute(&parser, bytes.data(), bytes.size()) == HPE_PAUSED_UPGRADE) {
    bytes.remove_prefix(static_cast<size_t>(llhttp_get_error_pos(&parser) - bytes.data()));
    llhttp_resume_after_upgrade(&parser);
    if (bytes.empty()) break;
  }
  require(seen.bodies.size() >= run.bodies.size());
  for (size_t i = 0; i < run.bodies.size(); ++i) require(seen.bodies[i] == run.bodies[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t cut_count = std::min<size_t>(data[0] % 16, size - 1);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view cuts = input.substr(0, cut_count);
  const std::string_view bytes = input.substr(cut_count);
  const Run whole = run_connection(bytes, {});
  for (const std::string_view way : {cuts, std::string_view("\0", 1)}) {
    const Run cut = run_connection(bytes, way);
    require(cut.requests == whole.requests);
    require(cut.output == whole.output);
  }
  compare_with_llhttp(bytes, whole);
  return 0;
}
