// The log in memory: entries after a place up to which it was cut, how far they are on disk, and the
// configurations among them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "core/base/limits.h"
#include "core/base/types.h"
#include "core/raft/base.h"
#include "core/raft/configuration.h"
#include "core/raft/entry.h"

namespace patronus {

class Log {
 public:
  // Takes over what recovery found; all of it is on disk. The base is what the state on disk holds; entries
  // begin right after it or earlier, and reach up to it at least: judge_boot() has made sure. Those that the
  // base holds as well are kept for followers that lack them.
  explicit Log(std::vector<Entry> entries, Base base = {});

  // Entries are here from the next one on; what is at this place and before is committed and was cut. 0: the
  // log is whole.
  Index base_index() const { return place_.index; }
  Index last_index() const { return Index{place_.index.value + entries_.size()}; }
  Term last_term() const { return entries_.empty() ? place_.term : entries_.back().term; }
  Stamp last_stamp() const { return entries_.empty() ? place_.stamp : entries_.back().stamp; }
  // The term of an entry; 0 for index 0, nothing beyond the end or below the base.
  std::optional<Term> term_at(Index index) const;
  const Entry& at(Index index) const;
  bool empty() const { return last_index() == Index{}; }
  // All entries that are here, encoded.
  size_t bytes() const { return bytes_; }
  size_t size() const { return entries_.size(); }
  // No entry of any size could be sure of its place.
  bool full() const { return bytes_ + limits::kEntryBytesMax + Entry::kHeaderBytes > limits::kLogBytesMax; }

  // Entries from `first` on: as many as stay within the byte bound, but at least one. `first` is above the
  // base.
  std::vector<Entry> slice(Index first, size_t bytes_max, size_t entries_max) const;

  // Adds entries after the last one, as part of disk write `id`.
  void append(std::span<const Entry> entries, PersistId id);
  // Drops entries from `first` on. Writes of them that are still under way then vouch for what is below only:
  // without that, an old write's completion would mark newer entries at the same places as stable.
  void truncate_from(Index first);
  // Drops the oldest entry, which is applied and part of a durable image: the base moves up by one.
  void cut_first();

  // Entries up to here may go from the disk. That of the base stays: a node that starts must know its term,
  // or it could not serve the next one to a member that has everything before it.
  Index needless_on_disk() const { return place_.index.prev(); }

  // Write `id`, and all before it, are on disk.
  void persisted(PersistId id);
  // Up to here the log as it is now is on disk.
  Index durable() const { return durable_; }
  // The write that everything up to `index` waits for; 0 if it is durable already.
  PersistId write_of(Index index) const;

  // The latest configuration in the log, committed or not; nothing before the first. Lives until the log
  // changes.
  const Configuration* configuration() const;
  Index configuration_index() const;
  // The latest configuration in the log that has this member; 0 if none has.
  Index latest_membership(const NodeId& id, Incarnation incarnation) const;
  // The configuration that is known to be committed gives it a vote, or one of those after it.
  bool may_vote(const NodeId& id, Incarnation incarnation, Index commit) const;

 private:
  struct WriteUnderWay {
    PersistId id;
    Index last;
  };
  struct PlacedConfiguration {
    Index index;
    Configuration configuration;
  };
  struct Place {
    Index index;
    Term term;
    Stamp stamp;
  };

  void note_configuration(const Entry& entry);
  const Entry& entry_at(Index index) const { return entries_[index.value - place_.index.value - 1]; }

  Place place_;  // of the last entry that was cut
  std::deque<Entry> entries_;
  size_t bytes_ = 0;
  Index durable_;
  std::deque<WriteUnderWay> under_way_;
  // The last one that was cut, if any was, and those in the entries that are here.
  std::deque<PlacedConfiguration> configurations_;
};

// True if a log that ends with (term, index) is at least as new as another (Raft paper, section 5.4.1).
inline bool at_least_as_new(Term last_term, Index last_index, Term other_term, Index other_index) {
  return last_term != other_term ? last_term > other_term : last_index >= other_index;
}

}  // namespace patronus
