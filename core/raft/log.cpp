#include "core/raft/log.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/mutant.h"

namespace patronus {

Log::Log(std::vector<Entry> entries) : entries_(std::move(entries)), durable_(Index{entries_.size()}) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    PATRONUS_ASSERT(entries_[i].index == Index{i + 1}, "recovery gives consecutive entries from 1");
    bytes_ += entries_[i].encoded_bytes();
    note_configuration(entries_[i]);
  }
}

std::optional<Term> Log::term_at(Index index) const {
  if (index == Index{}) return Term{};
  if (index > last_index()) return std::nullopt;
  return entries_[index.value - 1].term;
}

const Entry& Log::at(Index index) const {
  PATRONUS_ASSERT(index >= Index{1} && index <= last_index(), "the entry is in the log");
  return entries_[index.value - 1];
}

std::span<const Entry> Log::slice(Index first, size_t bytes_max, size_t entries_max) const {
  if (first > last_index()) return {};
  PATRONUS_ASSERT(first >= Index{1}, "entries begin at 1");
  const size_t begin = first.value - 1;
  size_t end = begin;
  size_t bytes = 0;
  while (end < entries_.size() && end - begin < entries_max) {
    bytes += entries_[end].encoded_bytes();
    if (bytes > bytes_max && end > begin) break;
    ++end;
  }
  return std::span(entries_).subspan(begin, end - begin);
}

void Log::append(std::span<const Entry> entries, PersistId id) {
  for (const Entry& entry : entries) {
    PATRONUS_ASSERT(entry.index == last_index().next(), "entries are appended without a gap");
    PATRONUS_ASSERT(entry.term >= last_term(), "terms do not fall along a log");
    bytes_ += entry.encoded_bytes();
    entries_.push_back(entry);
    note_configuration(entry);
  }
  if (entries.empty()) return;
  PATRONUS_ASSERT(under_way_.empty() || under_way_.back().id < id, "writes are issued in order");
  under_way_.push_back({id, last_index()});
}

void Log::truncate_from(Index first) {
  PATRONUS_ASSERT(first >= Index{1}, "entries begin at 1");
  if (first > last_index()) return;
  for (size_t i = first.value - 1; i < entries_.size(); ++i) bytes_ -= entries_[i].encoded_bytes();
  entries_.resize(first.value - 1);
  durable_ = std::min(durable_, first.prev());
  if (!MUTANT(kAckAba)) {
    for (WriteUnderWay& write : under_way_) write.last = std::min(write.last, first.prev());
  }
  if (MUTANT(kKeepTruncatedConfig)) return;
  while (!configurations_.empty() && configurations_.back().index >= first) configurations_.pop_back();
}

void Log::persisted(PersistId id) {
  while (!under_way_.empty() && under_way_.front().id <= id) {
    durable_ = std::max(durable_, std::min(under_way_.front().last, last_index()));
    under_way_.pop_front();
  }
  PATRONUS_ASSERT(durable_ <= last_index(), "nothing beyond the log's end is durable");
}

PersistId Log::write_of(Index index) const {
  if (index <= durable_) return PersistId{};
  for (const WriteUnderWay& write : under_way_) {
    if (write.last >= index) return write.id;
  }
  PATRONUS_ASSERT(false, "an entry that is not durable is part of a write under way");
  return PersistId{};
}

const Configuration* Log::configuration() const {
  return configurations_.empty() ? nullptr : &configurations_.back().configuration;
}

Index Log::configuration_index() const {
  return configurations_.empty() ? Index{} : configurations_.back().index;
}

Index Log::latest_membership(const NodeId& id, Incarnation incarnation) const {
  for (auto at = configurations_.rbegin(); at != configurations_.rend(); ++at) {
    if (at->configuration.is_member(id, incarnation)) return at->index;
  }
  return Index{};
}

bool Log::ever_votes(const NodeId& id, Incarnation incarnation) const {
  return std::any_of(
      configurations_.rbegin(), configurations_.rend(),
      [&](const PlacedConfiguration& placed) { return placed.configuration.is_voter(id, incarnation); });
}

void Log::note_configuration(const Entry& entry) {
  if (entry.kind != EntryKind::kConfiguration) return;
  std::optional<Configuration> configuration = decode_configuration(entry.payload.view());
  PATRONUS_ASSERT(configuration.has_value(), "configuration entries are checked before they are appended");
  configurations_.push_back({entry.index, std::move(*configuration)});
}

}  // namespace patronus
