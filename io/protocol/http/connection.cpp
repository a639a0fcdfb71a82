#include "io/protocol/http/connection.h"

#include <algorithm>
#include <utility>

#include "io/protocol/http/head_parser.h"
#include "io/protocol/http/request_checks.h"
#include "io/protocol/http/target.h"

namespace patronus::http {
namespace {

// A buffer that has grown beyond this is given back when it is empty, so that an idle connection costs
// little.
constexpr size_t kKeptCapacity = 65536;
// No more than this is set aside for a body before any of it has come.
constexpr size_t kReservedBody = 65536;

Limits sane(Limits limits) {
  limits.pipeline_max = std::max<size_t>(limits.pipeline_max, 1);
  return limits;
}

size_t size_of(const Request& request) {
  size_t size = request.target.size() * 2 + request.body.size();
  for (const Header& header : request.headers) size += header.name.size() + header.value.size();
  return size;
}

}  // namespace

Connection::Connection(const Limits& limits, Instant now, std::optional<WallTime> wall)
    : limits_(sane(limits)),
      head_(limits_),
      body_(limits_),
      phase_since_(now),
      idle_since_(now),
      progress_at_(now),
      wall_(wall),
      wall_since_(now) {}

void Connection::feed(Instant now, std::string_view bytes) {
  if (is_stopped_ || is_input_ended_ || bytes.empty()) return;
  if (input_.empty()) {
    // Most requests come whole, and then nothing is copied.
    const size_t used = pump(now, bytes);
    if (!is_stopped_) keep_rest(bytes.substr(used));
  } else {
    input_.append(bytes);
    pump_buffered(now);
  }
  // Only an owner who reads on in spite of wants_read() comes here.
  if (is_paused() && input_.size() - input_at_ > limits_.paused_input_bytes_max) abandon();
}

void Connection::end_of_input(Instant now) {
  if (is_stopped_) return;
  is_input_ended_ = true;
  pump_buffered(now);
}

std::optional<Incoming> Connection::next_request() {
  if (ready_at_ == ready_.size()) return std::nullopt;
  Incoming next = std::move(ready_[ready_at_]);
  ready_bytes_ -= size_of(next.request);
  if (++ready_at_ == ready_.size()) {
    ready_.clear();
    ready_at_ = 0;
  }
  return next;
}

void Connection::respond(Instant now, WallTime wall, StreamId id, Response&& answer) {
  wall_ = wall;
  wall_since_ = now;
  if (is_abandoned_ || id < first_id_ || id >= next_id_) return;
  Slot& slot = slot_of(id);
  if (slot.is_answered) return;
  slot.is_answered = true;
  slot.answer = std::move(answer);
  waiting_bytes_ += slot.answer.body.size();
  flush(now);
  if (!is_stopped_) pump_buffered(now);
}

std::string Connection::take_output() { return std::exchange(output_, {}); }

void Connection::take_output(std::string& into) {
  into.clear();
  into.swap(output_);
}

void Connection::on_written(Instant now, size_t bytes) {
  unwritten_ -= std::min(unwritten_, bytes);
  progress_at_ = now;
  if (unwritten_ == 0 && first_id_ == next_id_) idle_since_ = now;
  if (!is_stopped_) pump_buffered(now);
}

bool Connection::wants_read() const {
  if (is_abandoned_ || is_input_ended_) return false;
  // A body that has begun is read to its end: it can't add to the output.
  return is_stopped_ || phase_ == Phase::kBody || !is_paused();
}

bool Connection::wants_close() const {
  return is_abandoned_ || (is_stopped_ && first_id_ == next_id_ && output_.empty() && unwritten_ == 0);
}

void Connection::drain() {
  if (is_draining_ || is_stopped_) return;
  is_draining_ = true;
  if (phase_ == Phase::kBody) return;
  if (first_id_ != next_id_ || !has_partial_head()) stop();
}

Instant Connection::deadline() const {
  Instant due = Instant::never();
  if (wants_close()) return due;
  if (unwritten_ > 0) due = progress_at_ + limits_.write_timeout;
  if (is_stopped_) return due;
  if (phase_ == Phase::kBody) return std::min(due, phase_since_ + limits_.body_timeout);
  if (is_paused()) return due;
  if (has_partial_head()) return std::min(due, phase_since_ + limits_.header_timeout);
  if (first_id_ != next_id_ || unwritten_ > 0) return due;
  return idle_since_ + (next_id_ == 1 ? limits_.header_timeout : limits_.idle_timeout);
}

void Connection::on_time(Instant now) {
  if (now < deadline()) return;
  if (unwritten_ > 0 && now >= progress_at_ + limits_.write_timeout) return abandon();
  if (is_stopped_) return;
  if (phase_ == Phase::kBody) {
    return fail(now, {408, "timeout", "the body took too long to arrive"}, request_.method == Method::kHead);
  }
  if (has_partial_head()) {
    return fail(now, {408, "timeout", "the headers took too long to arrive"}, head_.is_head_method());
  }
  stop();
}

size_t Connection::buffered_bytes() const {
  return input_.size() - input_at_ + size_of(request_) + ready_bytes_ + waiting_bytes_ + output_.size();
}

// Whether no new request may be begun for now.
bool Connection::is_paused() const {
  return next_id_ - first_id_ >= limits_.pipeline_max || unwritten_ > limits_.output_high_water_bytes ||
         ready_bytes_ > limits_.body_bytes_max;
}

bool Connection::has_partial_head() const { return phase_ == Phase::kHead && input_.size() > input_at_; }

void Connection::pump_buffered(Instant now) {
  input_at_ += pump(now, std::string_view(input_).substr(input_at_));
  if (is_stopped_ || input_at_ == input_.size()) {
    input_.clear();
    if (input_.capacity() > kKeptCapacity) input_.shrink_to_fit();
    input_at_ = 0;
  } else if (input_at_ > input_.size() / 2) {
    // Only then, so that each byte is moved a bounded number of times.
    input_.erase(0, input_at_);
    input_at_ = 0;
  }
}

void Connection::keep_rest(std::string_view rest) { input_.assign(rest); }

// Reads requests from `data` as far as they go; returns how much was used up. A head that isn't whole stays.
size_t Connection::pump(Instant now, std::string_view data) {
  const size_t size = data.size();
  if (was_paused_ && !is_paused()) {
    // The wait was ours, so the peer gets its time anew.
    was_paused_ = false;
    phase_since_ = now;
  }
  while (!is_stopped_ && (phase_ == Phase::kBody ? pump_body(now, data) : pump_head(now, data))) {
  }
  if (is_stopped_) return size;
  if (is_input_ended_ && !was_paused_) {
    if (phase_ == Phase::kHead && data.empty()) {
      stop();
    } else {
      const bool is_head = phase_ == Phase::kHead ? head_.is_head_method() : request_.method == Method::kHead;
      fail(now, bad_request("the connection ended in the middle of a request"), is_head);
    }
    return size;
  }
  // RFC 9110 section 10.1.1: an interim response, when the peer still holds the body back. It may not
  // overtake the answers to earlier requests.
  if (is_continue_owed_ && phase_ == Phase::kBody && first_id_ == next_id_) {
    is_continue_owed_ = false;
    const size_t before = output_.size();
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
    note_output(now, before);
  }
  return size - data.size();
}

// Reads a head. Returns whether there may be more to read.
bool Connection::pump_head(Instant now, std::string_view& data) {
  // RFC 9112 section 2.2: one empty line before a request is forgiven.
  if (!is_blank_line_skipped_ && data.starts_with("\r\n")) {
    data.remove_prefix(2);
    is_blank_line_skipped_ = true;
    head_.reset();
  }
  if (data.empty()) return false;
  if (is_paused()) {
    was_paused_ = true;
    return false;
  }
  // The first request's time runs from accepting, so that nobody holds a connection by being silent at first.
  if (next_id_ > 1 && head_.is_untouched()) phase_since_ = now;
  if (!is_blank_line_skipped_ && data == "\r") return false;
  switch (head_.scan(data)) {
    case HeadScanner::Result::kMore:
      return false;
    case HeadScanner::Result::kRefused:
      fail(now, head_.refusal(), head_.is_head_method());
      return false;
    case HeadScanner::Result::kDone:
      break;
  }
  Framing framing;
  if (std::optional<Refusal> refusal = begin_request(data, framing)) {
    fail(now, *refusal, head_.is_head_method());
    return false;
  }
  data.remove_prefix(head_.size());
  head_.reset();
  is_blank_line_skipped_ = false;
  if (!framing.has_body()) {
    finish_request();
    return true;
  }
  if (framing.content_length > 0) {
    const size_t length = static_cast<size_t>(framing.content_length);
    request_.body.reserve(data.size() >= length ? length : std::min(length, kReservedBody));
  }
  body_.start(framing);
  is_continue_owed_ = framing.expects_continue;
  phase_ = Phase::kBody;
  phase_since_ = now;
  return true;
}

bool Connection::pump_body(Instant now, std::string_view& data) {
  if (data.empty()) return false;
  is_continue_owed_ = false;
  switch (body_.read(data, request_.body)) {
    case BodyReader::Result::kMore:
      return false;
    case BodyReader::Result::kRefused:
      fail(now, body_.refusal(), request_.method == Method::kHead);
      return false;
    case BodyReader::Result::kDone:
      break;
  }
  phase_ = Phase::kHead;
  phase_since_ = now;
  finish_request();
  return true;
}

std::optional<Refusal> Connection::begin_request(std::string_view data, Framing& framing) {
  request_ = {};
  request_.method_name = head_.method(data);
  request_.method = method_of(request_.method_name);
  request_.target.reserve(head_.target(data).size());
  request_.headers.reserve(head_.header_count());
  is_http10_ = head_.is_http10();
  if (auto refusal = parse_head(data.substr(0, head_.size()), request_)) return refusal;
  // Two readers that see two different heads are what smuggling is made of.
  if (request_.target != head_.target(data) || request_.headers.size() != head_.header_count()) {
    return bad_request("the head is ambiguous");
  }
  if (auto refusal = check_headers(request_, is_http10_, limits_, framing)) return refusal;
  request_.keep_alive = framing.keep_alive;
  return parse_target(request_);
}

// Hands the request that was received on to the owner.
void Connection::finish_request() {
  if (slots_.empty()) slots_.resize(limits_.pipeline_max + 1);  // one more for an answer of our own
  Slot& slot = slot_of(next_id_);
  slot.is_head = request_.method == Method::kHead;
  slot.keep_alive = request_.keep_alive;
  slot.is_http10 = is_http10_;
  slot.is_answered = false;
  ready_bytes_ += size_of(request_);
  if (!request_.keep_alive || is_draining_) is_stopped_ = true;
  ready_.push_back({next_id_++, std::move(request_)});
  request_ = {};
}

// Answers what is being received with a refusal, after the answers that are due before it, and ends there.
void Connection::fail(Instant now, const Refusal& refusal, bool is_head) {
  stop();
  if (slots_.empty()) slots_.resize(limits_.pipeline_max + 1);
  Slot& slot = slot_of(next_id_++);
  slot.is_head = is_head;
  slot.keep_alive = false;
  slot.is_http10 = false;
  slot.is_answered = true;
  slot.answer = refusal_writer_ ? refusal_writer_(refusal) : problem_response(refusal);
  slot.answer.close = true;
  waiting_bytes_ += slot.answer.body.size();
  flush(now);
}

void Connection::stop() {
  is_stopped_ = true;
  is_continue_owed_ = false;
  phase_ = Phase::kHead;
  request_ = {};
}

void Connection::abandon() {
  stop();
  is_abandoned_ = true;
  input_.clear();
  input_at_ = 0;
  output_.clear();
  ready_.clear();
  ready_at_ = ready_bytes_ = waiting_bytes_ = unwritten_ = 0;
  first_id_ = next_id_;
}

// Moves the answers whose turn has come to the output.
void Connection::flush(Instant now) {
  if (first_id_ == next_id_ || !slot_of(first_id_).is_answered) return;
  const size_t before = output_.size();
  while (first_id_ != next_id_ && slot_of(first_id_).is_answered) {
    Slot& slot = slot_of(first_id_++);
    const bool is_last = is_stopped_ && first_id_ == next_id_;
    AnswerFrame frame;
    frame.is_head = slot.is_head;
    frame.close = is_last || slot.answer.close || !slot.keep_alive;
    frame.say_keep_alive = slot.is_http10;
    if (const std::optional<WallTime> wall = wall_at(now)) frame.date = date_.at(*wall);
    append_answer(output_, slot.answer, frame);
    waiting_bytes_ -= slot.answer.body.size();
    slot.answer = {};
    if (!frame.close) continue;
    // What the peer sent after this it must send again on another connection (RFC 9112 section 9.6).
    stop();
    ready_.clear();
    ready_at_ = ready_bytes_ = waiting_bytes_ = 0;
    first_id_ = next_id_;
  }
  if (first_id_ == next_id_) idle_since_ = now;
  note_output(now, before);
}

void Connection::note_output(Instant now, size_t size_before) {
  if (unwritten_ == 0) progress_at_ = now;
  unwritten_ += output_.size() - size_before;
}

std::optional<WallTime> Connection::wall_at(Instant now) const {
  if (!wall_) return std::nullopt;
  return WallTime{wall_->unix_ms +
                  std::chrono::duration_cast<std::chrono::milliseconds>(now - wall_since_).count()};
}

}  // namespace patronus::http
