#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bench/histogram.h"
#include "bench/runner.h"

namespace patronus::bench {

// Remembers every write to a few keys, so that what a read finds at the end can be judged as a linearizable
// register: the value must be one that was written, and no acknowledged write may lie wholly after it.
class WriteLog {
 public:
  explicit WriteLog(std::size_t keys) : slot_of_key_(keys, kNone) {}

  void issued(std::size_t key, std::uint64_t write);
  void ended(std::size_t key, std::uint64_t write, bool acknowledged);

  const std::vector<std::size_t>& keys() const { return watched_; }
  // Empty if a read of the key at the end of the run may find this write (none: a value from before the run).
  std::string objection(std::size_t key, std::optional<std::uint64_t> found) const;

 private:
  static constexpr std::uint8_t kNone = 255;
  static constexpr std::size_t kMost = 64;

  struct Write {
    std::uint64_t number = 0;
    std::uint64_t began = 0;
    std::uint64_t ended = UINT64_MAX;  // For ever, unless acknowledged: it may still take effect at any time.
  };

  std::vector<std::uint8_t> slot_of_key_;
  std::vector<std::size_t> watched_;
  std::vector<std::vector<Write>> writes_;
  std::uint64_t events_ = 0;
};

// What came of a run.
struct Tally {
  std::uint64_t in_window = 0;  // Successes that ended within the measured time.
  std::uint64_t all = 0;  // Successes altogether: warm-up and what ended after the measured time included.
  std::map<std::string, std::uint64_t> errors;
  Histogram latency;  // Nanoseconds, of successes that began within the measured time.
};

// Keys at random until the time is over.
class RandomSource final : public Source {
 public:
  RandomSource(const Options& options, Clock::time_point start, WriteLog& log);

  std::optional<Operation> next(Clock::time_point now) override;
  void done(const Operation& operation, const Reply& reply, Clock::time_point issued,
            Clock::time_point now) override;

  const Tally& tally() const { return tally_; }

 private:
  Kind kind_;
  std::mt19937_64 random_;
  std::uniform_int_distribution<std::size_t> key_;
  Clock::time_point from_;
  Clock::time_point until_;
  WriteLog& log_;
  std::uint64_t writes_ = 0;
  Tally tally_;
};

// Every key once; one that fails is tried again, up to a limit of failures.
class EachKeySource final : public Source {
 public:
  EachKeySource(const Options& options, WriteLog& log) : keys_(options.keys), log_(log) {}

  std::optional<Operation> next(Clock::time_point now) override;
  void done(const Operation& operation, const Reply& reply, Clock::time_point issued,
            Clock::time_point now) override;

  const Tally& tally() const { return tally_; }
  bool complete() const { return tally_.all == keys_; }

 private:
  std::size_t keys_;
  std::size_t next_key_ = 0;
  std::vector<std::size_t> again_;
  std::size_t failures_ = 0;
  WriteLog& log_;
  std::uint64_t writes_ = 0;
  Tally tally_;
};

// Reads the watched keys back and judges what they hold. A read that fails is tried again a few times,
// because it says nothing about what is stored; one that finds no value is not.
class VerifySource final : public Source {
 public:
  VerifySource(const WriteLog& log, const Values& values) : log_(log), values_(values) {}

  std::optional<Operation> next(Clock::time_point now) override;
  void done(const Operation& operation, const Reply& reply, Clock::time_point issued,
            Clock::time_point now) override;

  std::size_t checked() const { return checked_; }
  const std::vector<std::string>& objections() const { return objections_; }

 private:
  const WriteLog& log_;
  const Values& values_;
  std::size_t at_ = 0;
  std::size_t retries_ = 0;
  std::vector<std::size_t> again_;
  std::size_t checked_ = 0;
  std::vector<std::string> objections_;
};

}  // namespace patronus::bench
