// What a run did, kept for those who want to see it: who was what when, who said what to whom, and the words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace patronus::sim {

enum class Activity : uint8_t { kDown, kFollower, kCandidate, kLeader, kFrozen };

struct Recording {
  struct Change {
    uint32_t host = 0;
    Instant at;
    Activity activity = Activity::kDown;
    uint64_t term = 0;
  };
  // A message between nodes; what was lost, or found the way cut when it was sent, is drawn as such.
  struct Message {
    uint32_t from = 0;
    uint32_t to = 0;
    Instant sent;
    Instant arrives;
    uint8_t kind = 0;  // as in MessageBody
    bool lost = false;
    bool cut = false;
  };
  struct Commit {
    uint32_t host = 0;
    Instant at;
    uint64_t index = 0;
  };
  struct Note {
    std::string who;
    Instant at;
    std::string text;
  };

  std::vector<Change> changes;
  std::vector<Message> messages;
  std::vector<Commit> commits;
  std::vector<Note> notes;
};

}  // namespace patronus::sim
