// A client as there are many: speaks HTTP to some node, waits so long and no longer, tries another one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/any_node.h"
#include "sim/events.h"
#include "sim/history.h"
#include "sim/http_text.h"
#include "sim/network.h"
#include "sim/profile.h"
#include "sim/tape.h"
#include "sim/trace.h"

namespace patronus::sim {

class Client {
 public:
  // Told each operation that ended, for the checkers.
  using Observer = std::function<void(const Op&)>;

  Client(HostId id, const Profile& profile, Events& events, Tape& tape, Network& network, Trace& trace,
         OpHistory& history, uint64_t& next_value, Observer observer);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start();
  // Asks at once, if it rests on an open connection: what a leader does in its first moments is worth asking.
  void read_now();
  // Begins nothing new.
  void finish() { finishing_ = true; }
  bool idle() const { return !current_; }
  // Puts a value through this node, however long it takes; for the end of a run.
  void put_through(HostId node, std::function<void()> done);

  void dialled(ConnId conn);
  void received(ConnId conn, const std::string& bytes);
  void ended(ConnId conn);

 private:
  void think();
  void begin(const Op& op);
  Op draw_op();
  // What is expected is what this client saw last.
  void guard(Op& op, Guard by) const;
  std::string request_of(const Op& op) const;
  void attempt();
  void give_up_attempt();
  void on_response(const HttpAnswer& response);
  void on_answer(const HttpAnswer& response);
  void saw(const Op& op);
  // In words, for who looks at the run.
  void tell(const std::string& text);
  void on_login(const HttpAnswer& response);
  void send();
  void end_op(OpEnd end);

  HostId id_;
  const Profile& profile_;
  Events& events_;
  Track& tape_;
  AnyNode any_node_;
  Network& network_;
  Trace& trace_;
  OpHistory& history_;
  uint64_t& next_value_;
  Observer observer_;

  bool finishing_ = false;
  std::optional<size_t> current_;  // place in the history
  // A value to swap from, its key and its revision.
  uint64_t last_seen_ = 0;
  uint32_t last_seen_key_ = 0;
  uint64_t last_seen_revision_ = 0;
  uint64_t thought_ = 0;  // names the pause under way; a former one begins nothing
  uint64_t attempt_ = 0;  // names the current attempt; timeouts of former ones do nothing
  bool maybe_applied_ = false;
  HostId node_ = 0;
  std::optional<HostId> only_node_;
  std::function<void()> when_through_;
  ConnId conn_ = 0;
  ConnId next_conn_ = 1;
  bool connected_ = false;
  std::string input_;
  std::string token_;  // empty: logs in first
  bool logging_in_ = false;
};

}  // namespace patronus::sim
