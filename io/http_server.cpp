#include "io/http_server.h"

#include <algorithm>
#include <utility>

#include "core/base/buggify.h"
#include "core/base/limits.h"
#include "io/api/problem.h"

namespace patronus {
namespace {

http::Limits http_limits() {
  http::Limits limits;
  limits.target_bytes_max = limits::kHttpTargetBytesMax;
  limits.header_bytes_max = limits::kHttpHeaderBytesMax;
  limits.header_count_max = limits::kHttpHeadersMax;
  limits.body_bytes_max = limits::kHttpBodyBytesMax;
  limits.pipeline_max = limits::kHttpPipelineMax;
  return limits;
}

}  // namespace

HttpServer::HttpServer(HttpOptions options, const Node& node, auth::Crypto& crypto, Ports& ports,
                       Listener& listener, Metrics& metrics)
    : self_(std::move(options.self)),
      version_(std::move(options.version)),
      request_timeout_(options.request_timeout),
      ports_(ports),
      listener_(listener),
      metrics_(metrics),
      node_(node),
      crypto_(crypto),
      access_(node, crypto),
      desk_(node, crypto, std::move(options.accounts)),
      restore_(node, crypto),
      limits_(http_limits()) {}

bool HttpServer::accept(ConnId conn, const Remote& remote, Now now) {
  // Whose handshake was under way when the door was shut is still let in.
  if (conns_.size() >= limits::kHttpConnectionsMax || BUGGIFY(kConnectionsFull)) return false;
  if (conns_.empty()) next_scan_ = now.mono + limits::kHttpScanInterval;
  auto one = std::make_unique<Conn>(limits_, remote, now);
  one->http.set_refusal_writer([this](const http::Refusal& refusal) { return refuse(refusal); });
  conns_.emplace(conn, std::move(one));
  metrics_.http_connections = conns_.size();
  return true;
}

void HttpServer::received(ConnId conn, std::string_view bytes, Now now) {
  const auto at = conns_.find(conn);
  if (at == conns_.end()) return;
  Conn& one = *at->second;
  one.http.feed(now.mono, bytes);
  buffered_ += one.http.buffered_bytes() - one.buffered;
  one.buffered = one.http.buffered_bytes();
  if (buffered_ > limits::kHttpInputBytesMax || BUGGIFY(kInputFull)) {
    // All connections together hold more than this node can spare: whoever adds to it now is let go.
    ports_.close(conn);
    ended(conn);
    return;
  }
  touch(conn);
  settle(conn, now);
}

void HttpServer::end_of_input(ConnId conn, Now now) {
  const auto at = conns_.find(conn);
  if (at == conns_.end()) return;
  at->second->http.end_of_input(now.mono);
  touch(conn);
  settle(conn, now);
}

void HttpServer::ended(ConnId conn) {
  const auto at = conns_.find(conn);
  if (at == conns_.end()) return;
  unwritten_ -= at->second->unwritten;
  buffered_ -= at->second->buffered;
  conns_.erase(at);
  metrics_.http_connections = conns_.size();
}

void HttpServer::written(ConnId conn, size_t bytes, Now now) {
  const auto at = conns_.find(conn);
  if (at == conns_.end()) return;
  at->second->http.on_written(now.mono, bytes);
  at->second->unwritten -= bytes;
  unwritten_ -= bytes;
  // Room for output may let requests be read that were held back.
  settle(conn, now);
  touch(conn);
}

void HttpServer::touch(ConnId conn) {
  const auto at = conns_.find(conn);
  if (at == conns_.end() || at->second->touched) return;
  at->second->touched = true;
  touched_.push_back(conn);
}

void HttpServer::settle(ConnId conn, Now now) {
  while (true) {
    // One request of a connection at a time, and the next only when the answer has left: pipelined requests
    // must not run beside a write (RFC 9112, section 9.3.2), nor fill memory for a client that does not read.
    const auto at = conns_.find(conn);
    if (at == conns_.end()) return;
    Conn& one = *at->second;
    if (one.handling || one.unwritten > 0 || one.http.has_output()) return;
    std::optional<http::Incoming> incoming = one.http.next_request();
    if (!incoming) return;
    one.handling = true;
    one.asked = true;
    buffered_ += one.http.buffered_bytes() - one.buffered;
    one.buffered = one.http.buffered_bytes();
    handle(conn, incoming->id, std::move(incoming->request), now);
  }
}

void HttpServer::sign(http::Response& response, const std::string& request_id) const {
  response.headers.push_back({"X-Patronus-Node", self_});
  const NodeId leader = listener_.leader_id();
  if (!leader.empty()) response.headers.push_back({"X-Patronus-Leader", leader});
  response.headers.push_back({"X-Patronus-Revision", std::to_string(listener_.applied_index().value)});
  response.headers.push_back({"X-Request-Id", request_id});
  // A browser takes no answer for another type than it says, such as a script.
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
}

http::Response HttpServer::refuse(const http::Refusal& refusal) {
  const api::Origin origin{self_ + "-" + to_hex(next_request_++), listener_.leader_id()};
  http::Response response = api::problem_response(
      {refusal.status, refusal.code, refusal.detail, refusal.status == 408, false, {}}, origin);
  sign(response, origin.request_id);
  return response;
}

void HttpServer::shut_door(Now now) {
  if (!std::exchange(door_is_shut_, true)) ports_.stop_listening(Door::kHttp);
  new_conns_ = 0;
  std::vector<ConnId> old;
  for (const auto& [conn, one] : conns_) {
    // Whoever connected a moment ago has its request on the way, and could not know whether it was taken.
    const bool is_new = !one->asked && now.mono < one->began + limits::kDrainFirstRequest;
    if (is_new) {
      ++new_conns_;
    } else if (!std::exchange(one->draining, true)) {
      old.push_back(conn);
    }
  }
  std::sort(old.begin(), old.end());
  for (const ConnId conn : old) {
    conns_.at(conn)->http.drain();
    touch(conn);
  }
}

bool HttpServer::may_end() const {
  return new_conns_ == 0 && std::none_of(conns_.begin(), conns_.end(), [](const auto& one) {
           return one.second->handling || one.second->http.has_output() || one.second->unwritten > 0;
         });
}

void HttpServer::flush(Now now) {
  pursue_restore(now);
  // An answer that left at once lets the connection's next request be taken, which touches it again.
  while (!touched_.empty()) {
    for (const ConnId conn : std::exchange(touched_, {})) flush_one(conn, now);
  }
}

void HttpServer::flush_one(ConnId conn, Now now) {
  const auto at = conns_.find(conn);
  if (at == conns_.end()) return;
  Conn& one = *at->second;
  one.touched = false;
  if (one.http.has_output()) {
    std::string bytes = one.http.take_output();
    const size_t size = bytes.size();
    const size_t left = ports_.write(conn, std::move(bytes));
    one.http.on_written(now.mono, left);
    one.unwritten += size - left;
    unwritten_ += size - left;
  }
  if (one.http.wants_close()) {
    ports_.close(conn);
    ended(conn);
    return;
  }
  const bool pause = !one.http.wants_read();
  if (pause != one.paused) {
    one.paused = pause;
    ports_.pause_reading(conn, pause);
  }
  settle(conn, now);
}

void HttpServer::wake(Now now) {
  if (now.mono < next_scan_) return;
  next_scan_ = now.mono + limits::kHttpScanInterval;
  std::vector<ConnId> due;
  for (const auto& [conn, one] : conns_) {
    if (one->http.deadline() <= now.mono) due.push_back(conn);
  }
  // The order in which a hash table is walked must not be seen in anything that happens.
  std::sort(due.begin(), due.end());
  for (const ConnId conn : due) {
    conns_.at(conn)->http.on_time(now.mono);
    touch(conn);
  }
}

}  // namespace patronus
