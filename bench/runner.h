#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "bench/client.h"

namespace patronus::bench {

// Says what is asked next and hears how it ended.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual std::optional<Operation> next(Clock::time_point now) = 0;
  virtual void done(const Operation& operation, const Reply& reply, Clock::time_point issued,
                    Clock::time_point now) = 0;
};

// The clients and the loop that drives them; one thread.
class Runner {
 public:
  Runner(const Options& options, const Values& values);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  // Asks what the source says until it says no more and every request is answered or has failed.
  void drive(Source& source);

 private:
  void feed(std::size_t index, Source& source, Clock::time_point now);
  void finish(std::size_t index, Source& source, const Reply& reply, Clock::time_point now);
  void look_at_clocks(Source& source, Clock::time_point now);

  struct Slot {
    std::unique_ptr<Client> client;
    Clock::time_point not_before;  // After a failure: the next attempt waits a little.
    bool waiting = false;
  };

  int epoll_;
  Clock::duration timeout_;
  std::vector<Slot> slots_;
  std::size_t active_ = 0;  // Clients with a request under way or waiting to try again.
};

}  // namespace patronus::bench
