#include "io/backup/shipping.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/limits.h"

namespace patronus::backup {
namespace {

// The value of a label in "{a="x",b="y"}". Names of replicas hold nothing that would be escaped.
std::string_view label_of(std::string_view labels, std::string_view name) {
  const std::string begin = std::string(name) + "=\"";
  size_t at = labels.find(begin);
  while (at != std::string_view::npos && at > 0 && labels[at - 1] != '{' && labels[at - 1] != ',')
    at = labels.find(begin, at + 1);
  if (at == std::string_view::npos) return {};
  labels.remove_prefix(at + begin.size());
  return labels.substr(0, labels.find('"'));
}

// A gauge that counts: a number without a fraction, also in scientific notation.
std::optional<uint64_t> count_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0) || number > 9e15)
    return std::nullopt;
  return static_cast<uint64_t>(std::llround(number));
}

void take_line(std::string_view line, LitestreamMetrics& metrics) {
  if (!line.starts_with("litestream_")) return;
  const size_t space = line.rfind(' ');
  if (space == std::string_view::npos) return;
  const std::optional<uint64_t> value = count_of(line.substr(space + 1));
  const std::string_view series = line.substr(0, space);
  const std::string_view name = series.substr(0, series.find('{'));
  if (!value) return;
  if (name == "litestream_shadow_wal_index") metrics.shadow.index = *value;
  if (name == "litestream_shadow_wal_size") metrics.shadow.offset = *value;
  if (name == "litestream_sync_count") metrics.syncs = *value;
  const bool is_index = name == "litestream_replica_wal_index";
  if (!is_index && name != "litestream_replica_wal_offset") return;
  const std::string_view replica = label_of(series, "name");
  if (replica.empty() || (metrics.replicas.size() >= limits::kBackupTargetsMax &&
                          !metrics.replicas.contains(std::string(replica))))
    return;
  LogPosition& position = metrics.replicas[std::string(replica)];
  (is_index ? position.index : position.offset) = *value;
}

}  // namespace

LitestreamMetrics parse_litestream_metrics(std::string_view text) {
  LitestreamMetrics metrics;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    take_line(text.substr(0, end), metrics);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return metrics;
}

void Shipping::saw(int64_t now_ms, const std::string& generation, const LitestreamMetrics& metrics) {
  if (generation != generation_) {
    generation_ = generation;
    samples_.clear();
    for (auto& [name, replica] : replicas_) replica.is_of_generation = false;
  }
  // A shadow that goes back is another generation's, whose name was read a moment too early.
  if (metrics.shadow < shadow_) samples_.clear();
  shadow_ = metrics.shadow;
  note_look(now_ms, metrics.syncs);
  for (const auto& [name, position] : metrics.replicas) {
    const auto [at, is_new] = replicas_.try_emplace(name, Replica{position, true, 0});
    Replica& replica = at->second;
    // A gauge that stands still since the generation before speaks of that one.
    if (!is_new && position != replica.position) replica.is_of_generation = true;
    replica.position = position;
    if (!replica.is_of_generation) continue;
    for (const Sample& sample : samples_) {
      if (sample.shadow > position) break;
      replica.covered_ms = std::max(replica.covered_ms, sample.at_ms);
    }
  }
  // The last one stays: its place may be reached for later moments.
  while (samples_.size() > 1 && std::all_of(replicas_.begin(), replicas_.end(), [&](const auto& one) {
           return one.second.covered_ms >= samples_.front().at_ms;
         }))
    samples_.pop_front();
}

// When a sync was counted is not when it began. Of two that were counted since, the second began after that.
void Shipping::note_look(int64_t now_ms, uint64_t syncs) {
  std::optional<int64_t> since;
  while (!looks_.empty() && looks_.front().syncs + 2 <= syncs) {
    since = looks_.front().at_ms;
    looks_.pop_front();
  }
  if (!looks_.empty() && looks_.back().syncs == syncs) {
    looks_.back().at_ms = now_ms;
  } else {
    looks_.push_back({now_ms, syncs});
  }
  if (!since || generation_.empty()) return;
  if (!samples_.empty() && samples_.back().shadow == shadow_) {
    // Where nothing has moved since, the place is reached for the later moment as well.
    samples_.back().at_ms = *since;
  } else if (samples_.size() < limits::kBackupSamplesMax) {
    samples_.push_back({*since, shadow_});
  }
}

int64_t Shipping::covered_ms(const std::string& target) const {
  const auto at = replicas_.find(target);
  return at == replicas_.end() ? 0 : at->second.covered_ms;
}

std::optional<LogPosition> Shipping::position(const std::string& target) const {
  const auto at = replicas_.find(target);
  if (at == replicas_.end() || !at->second.is_of_generation) return std::nullopt;
  return at->second.position;
}

}  // namespace patronus::backup
