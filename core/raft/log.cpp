#include "core/raft/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/assert.h"
#include "core/base/mutant.h"

namespace patronus {

Log::Log(std::vector<Entry> entries, Base base)
    : place_{base.index, base.term, base.stamp},
      entries_(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end())) {
  if (!entries_.empty() && entries_.front().index <= base.index) {
    PATRONUS_ASSERT(entries_.back().index >= base.index, "the log reaches up to its base");
    // The first one's place is what the others come after; of what was before it nothing is known.
    const Entry& first = entries_.front();
    place_ = {};
    if (first.index > Index{1}) {
      place_ = {first.index, first.term, first.stamp};
      entries_.pop_front();
    }
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    PATRONUS_ASSERT(entries_[i].index.value == place_.index.value + i + 1,
                    "recovery gives consecutive entries");
    bytes_ += entries_[i].encoded_bytes();
    if (entries_[i].index < base.configuration_index) note_configuration(entries_[i]);
  }
  // The base's own is committed: below it no truncation comes.
  if (base.configuration)
    configurations_.push_back({base.configuration_index, std::move(*base.configuration)});
  for (const Entry& entry : entries_) {
    if (entry.index > base.index) note_configuration(entry);
  }
  durable_ = last_index();
}

std::optional<Term> Log::term_at(Index index) const {
  if (index == place_.index) return place_.term;
  if (index < place_.index || index > last_index()) return std::nullopt;
  return entry_at(index).term;
}

const Entry& Log::at(Index index) const {
  PATRONUS_ASSERT(index > place_.index && index <= last_index(), "the entry is in the log");
  return entry_at(index);
}

std::vector<Entry> Log::slice(Index first, size_t bytes_max, size_t entries_max) const {
  if (first > last_index()) return {};
  PATRONUS_ASSERT(first > place_.index, "entries begin after the base");
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first.value - place_.index.value - 1);
  auto end = begin;
  size_t bytes = 0;
  while (end != entries_.end() && static_cast<size_t>(end - begin) < entries_max) {
    bytes += end->encoded_bytes();
    if (bytes > bytes_max && end != begin) break;
    ++end;
  }
  return {begin, end};
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
  PATRONUS_ASSERT(first > place_.index, "what was cut is committed and stays");
  if (first > last_index()) return;
  while (last_index() >= first) {
    bytes_ -= entries_.back().encoded_bytes();
    entries_.pop_back();
  }
  durable_ = std::min(durable_, first.prev());
  if (!MUTANT(kAckAba)) {
    for (WriteUnderWay& write : under_way_) write.last = std::min(write.last, first.prev());
  }
  if (MUTANT(kKeepTruncatedConfig)) return;
  while (!configurations_.empty() && configurations_.back().index >= first) configurations_.pop_back();
}

void Log::cut_first() {
  PATRONUS_ASSERT(!entries_.empty() && entries_.front().index <= durable_, "only what is on disk is cut");
  const Entry& first = entries_.front();
  place_ = {first.index, first.term, first.stamp};
  bytes_ -= first.encoded_bytes();
  entries_.pop_front();
  while (configurations_.size() > 1 && configurations_[1].index <= place_.index) configurations_.pop_front();
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

bool Log::may_vote(const NodeId& id, Incarnation incarnation, Index commit) const {
  for (auto placed = configurations_.rbegin(); placed != configurations_.rend(); ++placed) {
    if (placed->configuration.is_voter(id, incarnation)) return true;
    if (placed->index <= commit) return false;
  }
  return false;
}

void Log::note_configuration(const Entry& entry) {
  if (entry.kind != EntryKind::kConfiguration) return;
  std::optional<Configuration> configuration = decode_configuration(entry.payload.view());
  PATRONUS_ASSERT(configuration.has_value(), "configuration entries are checked before they are appended");
  configurations_.push_back({entry.index, std::move(*configuration)});
}

}  // namespace patronus
