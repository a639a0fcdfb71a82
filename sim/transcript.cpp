#include "sim/transcript.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/raft/message.h"

namespace patronus::sim {
namespace {

std::string line_of(Instant at, std::string_view who, std::string_view text) {
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%12.6f ", static_cast<double>(at.ns) / 1e9);
  std::string line = time.data();
  line += who;
  line.append(who.size() < 9 ? 9 - who.size() : 1, ' ');
  return line.append(text);
}

std::string name_of(uint32_t host) { return "n" + std::to_string(host + 1); }

// What people call a message, as one and as many. A request and its answers are told together, so a kind that
// answers another one is told as an answer to that.
struct Words {
  std::string_view one;
  std::string_view many;
  size_t answers = kMessageKinds;  // which kind
};
constexpr std::array<Words, kMessageKinds> kWords{
    {{"question for a vote to come", "questions for votes to come"},
     {"", "", 0},
     {"request for a vote", "requests for votes"},
     {"", "", 2},
     {"append", "appends"},
     {"", "", 4},
     {"heartbeat", "heartbeats"},
     {"", "", 6},
     {"batch of forwarded writes", "batches of forwarded writes"},
     {"", "", 8},
     {"question for the read index", "questions for the read index"},
     {"", "", 10},
     {"word to campaign now", "words to campaign now"},
     {"wish for another leader", "wishes for another leader"},
     {"", "", 13},
     {"word of a removal", "words of a removal"},
     {"offer of a whole state", "offers of a whole state"},
     {"wish for a part of it", "wishes for parts of it"},
     {"part of a state", "parts of a state"},
     {"word that a disk went back", "words that a disk went back"}}};

std::string counted(uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

// What nodes do all the time, between two facts.
class Meanwhile {
 public:
  void add(const Recording::Message& message) {
    if (message.lost || message.cut) {
      ++gone_[{message.lost, message.from, message.to}][message.kind];
    } else {
      ++sent_[message.kind];
    }
  }
  void add(const Recording::Commit& commit) { commits_[commit.host] = commit.index; }

  // Nothing if nothing was; what was told is forgotten.
  std::string tell() {
    std::string text = list_of(sent_);
    for (const auto& [way, kinds] : gone_) {
      const auto& [lost, from, to] = way;
      if (!text.empty()) text += "; ";
      text += list_of(kinds) + " from " + name_of(from) + " to " + name_of(to) +
              (lost ? " lost on the way" : " held up, as the way is cut");
    }
    std::map<uint64_t, std::string> by_index;
    for (const auto& [host, index] : commits_) by_index[index] += " " + name_of(host);
    for (const auto& [index, hosts] : by_index) {
      text += text.empty() ? "" : index == by_index.begin()->first ? "; " : ", ";
      text += "committed up to " + std::to_string(index) + " for" + hosts;
    }
    *this = Meanwhile{};
    return text;
  }

 private:
  using Counts = std::map<size_t, uint64_t>;
  // "4 appends and 3 answers, 2 heartbeats".
  static std::string list_of(const Counts& counts) {
    std::string text;
    for (size_t kind = 0; kind < kMessageKinds; ++kind) {
      if (kWords[kind].answers != kMessageKinds) continue;
      const auto asked = counts.find(kind);
      uint64_t answers = 0;
      for (const auto& [other, count] : counts) answers += kWords[other].answers == kind ? count : 0;
      if (asked == counts.end() && answers == 0) continue;
      if (!text.empty()) text += ", ";
      if (asked != counts.end()) text += counted(asked->second, kWords[kind].one, kWords[kind].many);
      if (answers == 0) continue;
      text += (asked != counts.end() ? " and " : "") + counted(answers, "answer", "answers");
      if (asked == counts.end()) text += " to " + std::string(kWords[kind].many);
    }
    return text;
  }

  Counts sent_;
  std::map<std::tuple<bool, uint32_t, uint32_t>, Counts> gone_;
  std::map<uint32_t, uint64_t> commits_;
};

// Whether the node itself says at that moment whom it follows.
bool follows_then(const Recording& recording, const Recording::Change& change) {
  const auto notes =
      std::equal_range(recording.notes.begin(), recording.notes.end(), Recording::Note{{}, change.at, {}},
                       [](const Recording::Note& a, const Recording::Note& b) { return a.at < b.at; });
  return std::any_of(notes.first, notes.second, [&](const Recording::Note& note) {
    return note.who == name_of(change.host) && note.text.starts_with("follows ");
  });
}

// Nodes say themselves whom they follow and when they lead, die, freeze and thaw; that they campaign or step
// down is seen by their roles alone.
std::vector<Recording::Note> facts_of(const Recording& recording) {
  std::vector<Recording::Note> seen;
  std::map<uint32_t, Recording::Change> before;
  for (const Recording::Change& change : recording.changes) {
    const auto known = before.find(change.host);
    const bool is_new_term = known == before.end() || known->second.term != change.term;
    const std::string term = std::to_string(change.term);
    if (change.activity == Activity::kCandidate) {
      seen.push_back(
          {name_of(change.host), change.at,
           is_new_term ? "asks for votes in term " + term : "asks who would vote for it after term " + term});
    } else if (change.activity == Activity::kFollower && known != before.end()) {
      if (known->second.activity == Activity::kLeader)
        seen.push_back({name_of(change.host), change.at, "leads no more; the term is " + term});
      if (known->second.activity == Activity::kCandidate && !follows_then(recording, change))
        seen.push_back({name_of(change.host), change.at, "campaigns no more; the term is " + term});
    }
    if (change.activity != Activity::kFrozen) before[change.host] = change;
  }
  std::vector<Recording::Note> facts;
  std::merge(recording.notes.begin(), recording.notes.end(), seen.begin(), seen.end(),
             std::back_inserter(facts),
             [](const Recording::Note& x, const Recording::Note& y) { return x.at < y.at; });
  return facts;
}

}  // namespace

std::vector<std::string> transcript_of(const Outcome& outcome, const std::string& title) {
  const Recording& recording = outcome.recording;
  std::vector<std::string> lines{
      title + ": " + outcome.profile,
      outcome.violation.empty() ? "Nothing went wrong." : "It ends with " + outcome.violation, ""};
  Meanwhile meanwhile;
  auto message = recording.messages.begin();
  auto commit = recording.commits.begin();
  const auto tell_until = [&](Instant at) {
    for (; message != recording.messages.end() && message->sent < at; ++message) meanwhile.add(*message);
    for (; commit != recording.commits.end() && commit->at < at; ++commit) meanwhile.add(*commit);
    const std::string text = meanwhile.tell();
    if (!text.empty()) lines.push_back(std::string(22, ' ') + "(" + text + ")");
  };
  for (const Recording::Note& fact : facts_of(recording)) {
    tell_until(fact.at);
    lines.push_back(line_of(fact.at, fact.who, fact.text));
  }
  tell_until(Instant::never());
  lines.push_back(line_of(Instant{} + outcome.simulated, "checker",
                          outcome.violation.empty() ? "finds nothing wrong" : "fires: " + outcome.violation));
  return lines;
}

std::vector<std::string> story_of(const Outcome& outcome, size_t lines_max) {
  static constexpr std::array<std::string_view, 24> kTelling{"leads term",
                                                             "splits",
                                                             "no longer reaches",
                                                             "loses power",
                                                             "is killed",
                                                             "freezes",
                                                             "thaws",
                                                             "full disk",
                                                             "room on its disk",
                                                             "starts with",
                                                             "hands leadership",
                                                             "is told to stop",
                                                             "removes n",
                                                             "damaged disk",
                                                             "empty disk",
                                                             "is healed",
                                                             "changes the conf",
                                                             "begin again from",
                                                             "sets its disk",
                                                             "was removed",
                                                             "founded cluster",
                                                             "is lost",
                                                             "reset",
                                                             "answers"};
  std::vector<std::string> story;
  for (const std::string& line : outcome.trace) {
    const bool tells = std::any_of(kTelling.begin(), kTelling.end(), [&](std::string_view what) {
      return line.find(what) != std::string::npos;
    });
    if (tells) story.push_back(line);
  }
  if (story.size() > lines_max) {
    const size_t left_out = story.size() - lines_max;
    story.erase(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(left_out));
    story.insert(story.begin(), "… " + std::to_string(left_out) + " lines before");
  }
  if (!outcome.violation.empty()) story.push_back("then: " + outcome.violation);
  return story;
}

}  // namespace patronus::sim
