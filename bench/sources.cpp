#include "bench/sources.h"

#include <algorithm>

namespace patronus::bench {

void WriteLog::issued(std::size_t key, std::uint64_t write) {
  std::uint8_t& slot = slot_of_key_[key];
  if (slot == kNone && watched_.size() == kMost) return;
  if (slot == kNone) {
    slot = static_cast<std::uint8_t>(watched_.size());
    watched_.push_back(key);
    writes_.emplace_back();
  }
  writes_[slot].push_back({write, ++events_, UINT64_MAX});
}

void WriteLog::ended(std::size_t key, std::uint64_t write, bool acknowledged) {
  const std::uint8_t slot = slot_of_key_[key];
  if (slot == kNone || !acknowledged) return;
  auto& writes = writes_[slot];
  const auto found =
      std::find_if(writes.rbegin(), writes.rend(), [&](const Write& w) { return w.number == write; });
  if (found != writes.rend()) found->ended = ++events_;
}

std::string WriteLog::objection(std::size_t key, std::optional<std::uint64_t> found) const {
  const auto& writes = writes_[slot_of_key_[key]];
  std::uint64_t shown_ended = 0;  // A value from before the run ended before every write of the run.
  if (found) {
    const auto shown =
        std::find_if(writes.begin(), writes.end(), [&](const Write& w) { return w.number == *found; });
    if (shown == writes.end()) return "holds a value that was not written to it";
    shown_ended = shown->ended;
  }
  const bool lost = std::any_of(writes.begin(), writes.end(), [&](const Write& write) {
    return write.ended != UINT64_MAX && write.began > shown_ended;
  });
  return lost ? "has lost an acknowledged write" : "";
}

RandomSource::RandomSource(const Options& options, Clock::time_point start, WriteLog& log)
    : kind_(options.kind), random_(options.seed), key_(0, options.keys - 1), log_(log) {
  const auto span = [](double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  };
  from_ = start + span(options.warmup);
  until_ = from_ + span(options.seconds);
}

std::optional<Operation> RandomSource::next(Clock::time_point now) {
  if (now >= until_) return std::nullopt;
  Operation operation{kind_, key_(random_), 0, false};
  if (kind_ == Kind::kWrite) {
    operation.write = ++writes_;
    log_.issued(operation.key, operation.write);
  }
  return operation;
}

void RandomSource::done(const Operation& operation, const Reply& reply, Clock::time_point issued,
                        Clock::time_point now) {
  if (kind_ == Kind::kWrite) log_.ended(operation.key, operation.write, reply.ok);
  if (!reply.ok) {
    ++tally_.errors[reply.error];
    return;
  }
  ++tally_.all;
  if (now >= from_ && now < until_) ++tally_.in_window;
  // By its beginning, not its end: a stall at the end of the run must show in the latencies.
  if (issued >= from_) tally_.latency.record(static_cast<std::uint64_t>((now - issued).count()));
}

std::optional<Operation> EachKeySource::next(Clock::time_point) {
  constexpr std::size_t kMostFailures = 1'000;
  std::size_t key = next_key_;
  if (failures_ > kMostFailures) return std::nullopt;
  if (!again_.empty()) {
    key = again_.back();
    again_.pop_back();
  } else if (next_key_ == keys_) {
    return std::nullopt;
  } else {
    ++next_key_;
  }
  log_.issued(key, ++writes_);
  return Operation{Kind::kWrite, key, writes_, false};
}

void EachKeySource::done(const Operation& operation, const Reply& reply, Clock::time_point issued,
                         Clock::time_point now) {
  log_.ended(operation.key, operation.write, reply.ok);
  if (!reply.ok) {
    ++failures_;
    ++tally_.errors[reply.error];
    again_.push_back(operation.key);
    return;
  }
  ++tally_.all;
  ++tally_.in_window;
  tally_.latency.record(static_cast<std::uint64_t>((now - issued).count()));
}

std::optional<Operation> VerifySource::next(Clock::time_point) {
  if (!again_.empty()) {
    const std::size_t key = again_.back();
    again_.pop_back();
    return Operation{Kind::kRead, key, 0, true};
  }
  if (at_ == log_.keys().size()) return std::nullopt;
  return Operation{Kind::kRead, log_.keys()[at_++], 0, true};
}

void VerifySource::done(const Operation& operation, const Reply& reply, Clock::time_point,
                        Clock::time_point) {
  constexpr std::size_t kMostRetries = 50;
  const bool absent = reply.error == "http 404" || reply.error == "miss";
  if (!reply.ok && !absent && retries_ < kMostRetries) {
    ++retries_;
    again_.push_back(operation.key);
    return;
  }
  ++checked_;
  std::string name;
  append_key(operation.key, name);
  if (!reply.ok) {
    objections_.push_back(name + " could not be read: " + reply.error);
    return;
  }
  const std::string objection = log_.objection(operation.key, values_.write_of(reply.value));
  if (!objection.empty()) objections_.push_back(name + " " + objection);
}

}  // namespace patronus::bench
