// One HTTP/1.1 server connection (RFC 9112) without a socket: bytes in, whole requests out; answers in, bytes
// out. It owns no clock either; every call that may depend on time is told it.
//
// The owner's loop: feed() what was read, take every next_request(), respond() to each in any order, write
// take_output() and report it with on_written(), call on_time() at deadline(). After any of these calls look
// at wants_read(), take_output(), wants_close() and deadline() again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "io/protocol/http/answer_writer.h"
#include "io/protocol/http/body_reader.h"
#include "io/protocol/http/head_scanner.h"
#include "io/protocol/http/limits.h"
#include "io/protocol/http/message.h"
#include "io/protocol/http/refusal.h"

namespace patronus::http {

using StreamId = uint64_t;  // counts a connection's requests from 1

struct Incoming {
  StreamId id = 0;
  Request request;
};

class Connection {
 public:
  // `now` is when the connection was accepted. With a wall time, answers the connection gives of itself
  // before the first respond() carry a Date too.
  Connection(const Limits& limits, Instant now, std::optional<WallTime> wall = std::nullopt);

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = default;
  Connection& operator=(Connection&&) = default;
  ~Connection() = default;

  // How the connection's own refusals are worded, in place of problem_response(); the answer closes it in any
  // case.
  using RefusalWriter = std::function<Response(const Refusal&)>;
  void set_refusal_writer(RefusalWriter writer) { refusal_writer_ = std::move(writer); }

  // Bytes from the peer, cut anyhow. What comes after the last request that is to be served is ignored.
  void feed(Instant now, std::string_view bytes);
  // The peer will send nothing more. Requests that are whole are still answered.
  void end_of_input(Instant now);

  // The next whole request, in the order they came, or nothing. Each must be answered with respond().
  [[nodiscard]] std::optional<Incoming> next_request();

  // Answers a request, in any order; answers go out in the order of the requests. A second answer to the same
  // request, and one to a request the connection has given up, is ignored.
  void respond(Instant now, WallTime wall, StreamId id, Response&& answer);

  // Bytes to write, which the caller now owns; empty when there are none. The second form swaps, so that a
  // caller who passes the same string each time saves the allocation.
  [[nodiscard]] std::string take_output();
  void take_output(std::string& into);
  [[nodiscard]] bool has_output() const { return !output_.empty(); }
  // `bytes` of the output taken have been written.
  void on_written(Instant now, size_t bytes);

  // False while the owner should not read: the pipeline is full, or too much output is unwritten. True after
  // the connection has failed, since closing a socket with unread bytes would take the last answer with it.
  [[nodiscard]] bool wants_read() const;
  // Every answer is written, as on_written() told, and the connection is to be closed; or it is beyond help.
  [[nodiscard]] bool wants_close() const;

  // Takes no further requests. Those taken are answered, the last with Connection: close; one that is being
  // received when nothing else is outstanding, or whose body is being received, is still served.
  void drain();

  // When on_time() wants to be called; Instant::never() when nothing is awaited.
  [[nodiscard]] Instant deadline() const;
  // Acts on a deadline that has passed: 408 when a request had begun, otherwise the end of the connection.
  void on_time(Instant now);

  // What the connection holds: input, requests being received or not yet taken, answers that wait, output.
  [[nodiscard]] size_t buffered_bytes() const;
  // Requests taken from the input whose answers aren't in the output yet.
  [[nodiscard]] size_t requests_in_flight() const { return static_cast<size_t>(next_id_ - first_id_); }

 private:
  enum class Phase : uint8_t { kHead, kBody };

  // What must be remembered of a request until its answer is in the output.
  struct Slot {
    bool is_head = false;
    bool keep_alive = true;
    bool is_http10 = false;
    bool is_answered = false;
    Response answer;
  };

  [[nodiscard]] bool is_paused() const;
  [[nodiscard]] bool has_partial_head() const;
  [[nodiscard]] Slot& slot_of(StreamId id) { return slots_[id % slots_.size()]; }
  void pump_buffered(Instant now);
  [[nodiscard]] size_t pump(Instant now, std::string_view data);
  [[nodiscard]] bool pump_head(Instant now, std::string_view& data);
  [[nodiscard]] bool pump_body(Instant now, std::string_view& data);
  [[nodiscard]] std::optional<Refusal> begin_request(std::string_view data, Framing& framing);
  void finish_request();
  void keep_rest(std::string_view rest);
  void fail(Instant now, const Refusal& refusal, bool is_head);
  void stop();
  void abandon();
  void flush(Instant now);
  void note_output(Instant now, size_t size_before);
  [[nodiscard]] std::optional<WallTime> wall_at(Instant now) const;

  Limits limits_;
  RefusalWriter refusal_writer_;
  Phase phase_ = Phase::kHead;
  bool is_stopped_ = false;    // no further request will be read
  bool is_abandoned_ = false;  // not even answers will be written
  bool is_draining_ = false;
  bool is_input_ended_ = false;
  bool was_paused_ = false;
  bool is_blank_line_skipped_ = false;
  bool is_continue_owed_ = false;
  bool is_http10_ = false;  // of the request being received

  HeadScanner head_;
  BodyReader body_;
  Request request_;  // being received
  std::string input_;
  size_t input_at_ = 0;

  std::vector<Incoming> ready_;
  size_t ready_at_ = 0;
  size_t ready_bytes_ = 0;

  std::vector<Slot> slots_;  // by id modulo size, for the ids from first_id_ to before next_id_
  StreamId first_id_ = 1;
  StreamId next_id_ = 1;
  size_t waiting_bytes_ = 0;  // bodies of answers that wait for earlier ones

  std::string output_;
  size_t unwritten_ = 0;  // output, taken or not, that on_written() hasn't told of

  Instant phase_since_;
  Instant idle_since_;
  Instant progress_at_;
  std::optional<WallTime> wall_;
  Instant wall_since_;
  DateText date_;
};

}  // namespace patronus::http
