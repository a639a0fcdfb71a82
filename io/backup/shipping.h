// How far Litestream has come, from the metrics that it serves: what it has read of the database's log (its
// shadow of it), and up to where each replica has it. Its own count of errors stays 0 while a target is gone,
// so the positions are compared.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace patronus::backup {

// A place in one generation's log.
struct LogPosition {
  uint64_t index = 0;
  uint64_t offset = 0;

  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

struct LitestreamMetrics {
  LogPosition shadow;
  uint64_t syncs = 0;  // how often it has looked at the database
  std::map<std::string, LogPosition>
      replicas;  // by their names; those that have shipped something since it started
};
// Of the one database that it copies; from Prometheus' text format. What is not there is 0.
[[nodiscard]] LitestreamMetrics parse_litestream_metrics(std::string_view text);

// For one Litestream: up to which moment a target has everything.
class Shipping {
 public:
  // What was seen at this moment (Unix milliseconds).
  void saw(int64_t now_ms, const std::string& generation, const LitestreamMetrics& metrics);

  // The latest moment of which this target is known to have everything; 0: none.
  int64_t covered_ms(const std::string& target) const;
  std::optional<LogPosition> position(const std::string& target) const;
  const LogPosition& shadow() const { return shadow_; }
  const std::string& generation() const { return generation_; }

 private:
  struct Sample {
    int64_t at_ms = 0;
    LogPosition shadow;
  };
  struct Replica {
    LogPosition position;
    bool is_of_generation = false;  // false: it is what was seen before this generation began
    int64_t covered_ms = 0;
  };

  struct Look {
    int64_t at_ms = 0;
    uint64_t syncs = 0;
  };

  void note_look(int64_t now_ms, uint64_t syncs);

  std::string generation_;
  LogPosition shadow_;
  std::deque<Look> looks_;      // with different counts; at most two
  std::deque<Sample> samples_;  // that some target has not reached, the oldest first
  std::map<std::string, Replica> replicas_;
};

}  // namespace patronus::backup
