#include "sim/client.h"

#include <array>

#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kAttemptTimeout = 3s;
constexpr Duration kRetryPause = 20ms;
constexpr Duration kLoginPause = 300ms;

bool is_ok(const HttpAnswer& response) {
  return response.status == 200 || response.status == 201 || response.status == 204;
}

// The batch that swaps: a comparison, a put, and what is wanted if the comparison fails.
std::string batch_of(const Op& op) {
  const std::string key = R"("key":"k)" + std::to_string(op.key) + "\"";
  const std::string compare =
      op.guard == Guard::kValue
          ? R"("target":"value","op":"=","value":")" + std::to_string(op.expected) + "\""
          : R"("target":"mod_revision","op":"=","value":)" + std::to_string(op.expected_revision);
  const std::string otherwise = op.guard == Guard::kElse ? R"(,"else":[{"op":"get",)" + key + "}]" : "";
  return R"({"compare":[{)" + key + "," + compare + R"(}],"then":[{"op":"put",)" + key + R"(,"value":")" +
         std::to_string(op.value) + "\"}]" + otherwise + "}";
}

std::string node_name(HostId node) { return "n" + std::to_string(node + 1); }

}  // namespace

Client::Client(HostId id, const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
               OpHistory& history, uint64_t& next_value, Observer observer)
    : id_(id),
      profile_(profile),
      events_(events),
      tape_(tape.track("client-" + std::to_string(id - kFirstClient + 1))),
      any_node_(tape_, profile.nodes + profile.extras),
      network_(network),
      trace_(trace),
      history_(history),
      next_value_(next_value),
      observer_(std::move(observer)) {}

void Client::start() { think(); }

void Client::think() {
  if (finishing_) return;
  events_.after(tape_.pause(0ms, profile_.think_max), [this, thought = ++thought_] {
    if (thought == thought_ && !finishing_ && !current_) begin(draw_op());
  });
}

void Client::read_now() {
  if (finishing_ || current_ || !connected_ || token_.empty()) return;
  ++thought_;
  Op op;
  op.client = id_ - kFirstClient;
  op.key = tape_.choose(profile_.keys);
  op.invoked = events_.now();
  op.kind = OpKind::kRead;
  begin(op);
}

Op Client::draw_op() {
  Op op;
  op.client = id_ - kFirstClient;
  op.key = tape_.choose(profile_.keys);
  op.invoked = events_.now();
  const uint32_t kind = tape_.choose(10);
  if (kind < 4) {
    op.kind = OpKind::kRead;
    return op;
  }
  op.keyed = tape_.chance(400);
  if (kind < 7) {
    op.kind = OpKind::kPut;
    op.value = ++next_value_;
  } else if (kind < 9) {
    static constexpr std::array<Guard, 5> kGuards{Guard::kValue, Guard::kRevision, Guard::kElse,
                                                  Guard::kIfMatch, Guard::kIfMatch};
    op.kind = OpKind::kSwap;
    op.value = ++next_value_;
    guard(op, kGuards[tape_.choose(kGuards.size())]);
  } else {
    op.kind = OpKind::kDelete;
    if (last_seen_ != 0 && tape_.chance(400)) guard(op, Guard::kIfMatch);
  }
  return op;
}

// Of a key that is not there neither a value nor an If-Match can tell; its revision is 0.
void Client::guard(Op& op, Guard by) const {
  op.key = last_seen_key_;
  op.expected = last_seen_;
  op.expected_revision = last_seen_revision_;
  op.guard = op.expected == 0 && by != Guard::kElse ? Guard::kRevision : by;
}

void Client::tell(const std::string& text) {
  trace_.line(events_.now(), "client " + std::to_string(id_ - kFirstClient + 1), text);
}

void Client::begin(const Op& op) {
  current_ = history_.size();
  history_.push_back(op);
  maybe_applied_ = false;
  node_ = any_node_();
  if (trace_.keeps()) tell(describe_question(op) + ", through " + node_name(node_));
  attempt();
}

void Client::put_through(HostId node, std::function<void()> done) {
  Op op;
  op.client = id_ - kFirstClient;
  op.kind = OpKind::kPut;
  op.keyed = true;
  op.value = ++next_value_;
  op.invoked = events_.now();
  current_ = history_.size();
  history_.push_back(op);
  maybe_applied_ = false;
  only_node_ = node;
  when_through_ = std::move(done);
  node_ = node;
  if (trace_.keeps()) tell(describe_question(op) + ", through " + node_name(node_));
  attempt();
}

std::string Client::request_of(const Op& op) const {
  const std::string path = "/api/v1/state/sim/k" + std::to_string(op.key);
  const bool is_batch = op.kind == OpKind::kSwap && op.guard != Guard::kIfMatch;
  std::string text;
  std::string body;
  switch (op.kind) {
    case OpKind::kRead:
      text = "GET " + path;
      break;
    case OpKind::kDelete:
      text = "DELETE " + path;
      break;
    case OpKind::kPut:
      text = "PUT " + path;
      body = std::to_string(op.value);
      break;
    case OpKind::kRestore:
      break;
    case OpKind::kSwap:
      text = is_batch ? "POST /api/v1/state/sim/batch" : "PUT " + path;
      body = is_batch ? batch_of(op) : std::to_string(op.value);
      break;
  }
  text += " HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer " + token_ + "\r\n";
  if (op.keyed) text += "Idempotency-Key: c" + std::to_string(*current_) + "\r\n";
  if (is_batch) text += "Content-Type: application/json\r\n";
  if (op.guard == Guard::kIfMatch) text += "If-Match: \"" + std::to_string(op.expected_revision) + "\"\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

void Client::attempt() {
  const uint64_t attempt = ++attempt_;
  events_.after(kAttemptTimeout, [this, attempt] {
    if (attempt == attempt_ && current_) give_up_attempt();
  });
  if (conn_ != 0 && connected_ && !only_node_) {
    send();
    return;
  }
  if (conn_ != 0) network_.close(id_, conn_);
  conn_ = next_conn_++;
  connected_ = false;
  input_.clear();
  network_.dial(id_, conn_, node_, Door::kHttp);
}

void Client::dialled(ConnId conn) {
  if (conn != conn_) return;
  connected_ = true;
  if (current_) send();
}

void Client::send() {
  logging_in_ = token_.empty();
  network_.write(id_, conn_, logging_in_ ? login_request() : request_of(history_[*current_]));
}

// Before there is a user, and while nodes can't say, there is nothing to do but to try again.
void Client::on_login(const HttpAnswer& response) {
  if (response.status == 200) {
    token_ = text_between(response.body, R"("access_token":")", "\"");
    send();
    return;
  }
  connected_ = false;
  // Failures are counted, so a node that does not know the user yet is not asked again at once.
  events_.after(kLoginPause, [this, attempt = attempt_] {
    if (attempt == attempt_ && current_) give_up_attempt();
  });
}

// The attempt came to nothing definite. A write under a key is repeated, elsewhere; another one is left open.
void Client::give_up_attempt() {
  if (conn_ != 0) network_.close(id_, conn_);
  const bool was_sent = connected_ && !logging_in_;
  logging_in_ = false;
  conn_ = 0;
  connected_ = false;
  maybe_applied_ = maybe_applied_ || was_sent;
  const Op& op = history_[*current_];
  const bool repeat = op.keyed || op.kind == OpKind::kRead || !was_sent;
  if (repeat && (!finishing_ || only_node_)) {
    ++attempt_;
    node_ = only_node_ ? *only_node_ : any_node_();
    events_.after(kRetryPause, [this, attempt = attempt_] {
      if (attempt != attempt_ || !current_) return;
      if (trace_.keeps()) tell("tries again, through " + node_name(node_));
      this->attempt();
    });
    return;
  }
  end_op(maybe_applied_ && op.kind != OpKind::kRead ? OpEnd::kUnknown : OpEnd::kRefused);
}

void Client::ended(ConnId conn) {
  if (conn != conn_) return;
  if (current_) {
    give_up_attempt();
  } else {
    conn_ = 0;
    connected_ = false;
  }
}

void Client::received(ConnId conn, const std::string& bytes) {
  if (conn != conn_) return;
  input_ += bytes;
  if (const std::optional<HttpAnswer> response = take_answer(input_)) {
    if (!current_) return;
    if (std::exchange(logging_in_, false)) {
      on_login(*response);
    } else {
      on_response(*response);
    }
  }
}

void Client::on_response(const HttpAnswer& response) {
  Op& op = history_[*current_];
  // Nobody ends these sessions, so no node may, whichever of them dies.
  if (response.status == 401)
    throw Violation("sessions", "client " + std::to_string(op.client) + " is refused: " + response.body);
  if (response.status == 503 || response.status == 504 || response.status == 507) {
    const bool maybe = response.body.find("\"maybe_applied\":true") != std::string::npos;
    maybe_applied_ = maybe_applied_ || maybe;
    if (op.keyed || op.kind == OpKind::kRead) {
      connected_ = connected_ && maybe;  // give_up_attempt takes a sent attempt for one that may have applied
      give_up_attempt();
    } else {
      end_op(maybe_applied_ ? OpEnd::kUnknown : OpEnd::kRefused);
    }
    return;
  }
  on_answer(response);
}

void Client::saw(const Op& op) {
  last_seen_ = op.value;
  last_seen_key_ = op.key;
  last_seen_revision_ = op.revision;
}

// The answer says for certain what became of it.
void Client::on_answer(const HttpAnswer& response) {
  Op& op = history_[*current_];
  const bool ok = is_ok(response);
  const bool was_there = response.body.find("\"found\":true") != std::string::npos;
  if (op.kind == OpKind::kRead && (ok || response.status == 404)) {
    op.value = ok ? number_after(response.body, "") : 0;
    op.revision = ok ? number_after(response.headers, "ETag: \"") : 0;
    saw(op);
    end_op(OpEnd::kOk);
  } else if (op.guard == Guard::kElse && ok &&
             response.body.find("\"succeeded\":false") != std::string::npos) {
    op.found = was_there ? number_after(response.body, R"("value":")") : 0;
    op.found_revision = was_there ? number_after(response.body, "\"mod_revision\":") : 0;
    end_op(OpEnd::kFailed);
  } else if (op.guard == Guard::kIfMatch && (response.status == 412 || response.status == 404)) {
    op.found_revision = number_after(response.body, "the key's mod_revision is ");
    end_op(OpEnd::kFailed);
  } else if (op.kind == OpKind::kDelete && (ok || response.status == 404)) {
    op.revision = number_after(response.headers, "X-Patronus-Revision: ");
    end_op(ok ? OpEnd::kOk : OpEnd::kFailed);
  } else if (op.kind != OpKind::kRead && ok) {
    op.revision = number_after(response.body, "\"mod_revision\":");
    saw(op);
    end_op(OpEnd::kOk);
  } else if (op.kind == OpKind::kSwap && response.status == 409) {
    end_op(OpEnd::kFailed);
  } else {
    throw Violation("answer", "client " + std::to_string(op.client) +
                                  " got an answer that fits nothing it asked: " +
                                  std::to_string(response.status) + " " + response.body);
  }
}

void Client::end_op(OpEnd end) {
  Op& op = history_[*current_];
  op.end = end;
  if (end == OpEnd::kOk || end == OpEnd::kFailed) op.returned = events_.now();
  if (trace_.keeps()) tell(describe_answer(op));
  ++attempt_;
  current_.reset();
  observer_(op);
  if (when_through_) {
    std::exchange(when_through_, nullptr)();
  } else {
    think();
  }
}

}  // namespace patronus::sim
