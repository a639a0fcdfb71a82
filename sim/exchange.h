// One request and its answer, over a stream of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/events.h"
#include "sim/http_text.h"
#include "sim/network.h"

namespace patronus::sim {

class Exchange {
 public:
  // Nothing: there was no answer, for whatever reason.
  using Done = std::function<void(std::optional<HttpAnswer>)>;

  Exchange(HostId id, Events& events, Network& network) : id_(id), events_(events), network_(network) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  bool idle() const { return !done_; }
  void ask(HostId node, std::string request, Duration timeout, Done done);

  void dialled(ConnId conn);
  void received(ConnId conn, std::string bytes);
  void ended(ConnId conn);

 private:
  void finish(std::optional<HttpAnswer> answer);

  HostId id_;
  Events& events_;
  Network& network_;
  std::string request_;
  std::string input_;
  Done done_;
  ConnId conn_ = 0;
  ConnId next_conn_ = 1;
};

}  // namespace patronus::sim
