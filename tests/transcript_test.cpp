// What is told of a run, and what is folded.
#include "sim/transcript.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/raft/message.h"

namespace patronus::sim::transcript_test {
namespace {

Instant ms(int64_t at) { return Instant{at * 1'000'000}; }

void send(Recording& recording, uint32_t from, uint32_t to, int64_t at, MessageBody body, bool cut = false) {
  recording.messages.push_back(
      {from, to, ms(at), ms(at + 1), static_cast<uint8_t>(body.index()), false, cut});
}

Outcome small_run() {
  Outcome outcome;
  outcome.profile = "3 nodes";
  outcome.violation = "election safety: n1 and n2 lead term 3";
  outcome.simulated = std::chrono::milliseconds(40);
  Recording& recording = outcome.recording;
  recording.changes = {{0, ms(0), Activity::kFollower, 1},
                       {0, ms(5), Activity::kCandidate, 1},
                       {0, ms(6), Activity::kCandidate, 2},
                       {0, ms(8), Activity::kLeader, 2},
                       {0, ms(30), Activity::kFollower, 3}};
  recording.notes = {{"n1", ms(8), "leads term 2"}, {"network", ms(20), "splits: n1 | n2 n3"}};
  for (int64_t at = 9; at < 15; ++at) {
    send(recording, 0, 1, at, Heartbeat{});
    send(recording, 1, 0, at, HeartbeatResponse{});
  }
  recording.commits = {{0, ms(12), 7}, {1, ms(13), 7}, {2, ms(14), 6}};
  send(recording, 0, 2, 25, AppendRequest{}, true);
  return outcome;
}

std::string told() {
  std::string text;
  for (const std::string& line : transcript_of(small_run(), "Seed 9")) text += line + "\n";
  return text;
}

TEST(Transcript, TellsEachFactWithItsTime) {
  const std::string text = told();
  for (const char* fact :
       {"Seed 9: 3 nodes", "It ends with election safety", "0.005000 n1       asks who would vote for it",
        "0.006000 n1       asks for votes in term 2", "0.008000 n1       leads term 2",
        "0.020000 network  splits: n1 | n2 n3", "0.030000 n1       leads no more; the term is 3",
        "0.040000 checker  fires: election safety"}) {
    EXPECT_NE(text.find(fact), std::string::npos) << fact << " in:\n" << text;
  }
  EXPECT_LT(text.find("asks for votes"), text.find("leads term 2"));
}

TEST(Transcript, FoldsWhatGoesOnAllTheTime) {
  const std::string text = told();
  EXPECT_NE(text.find("(6 heartbeats and 6 answers; committed up to 6 for n3, committed up to 7 for n1 n2)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("(1 append from n1 to n3 held up, as the way is cut)"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '('), 2);
}

TEST(Story, IsShorterAndEndsWithTheVerdict) {
  Outcome outcome = small_run();
  for (int i = 0; i < 100; ++i) outcome.trace.push_back("n1 leads term 2");
  outcome.trace.push_back("n1 says nothing of interest");
  const std::vector<std::string> story = story_of(outcome, 10);
  ASSERT_EQ(story.size(), 12U);
  EXPECT_EQ(story.front(), "… 90 lines before");
  EXPECT_EQ(story.back(), "then: election safety: n1 and n2 lead term 3");
}

}  // namespace
}  // namespace patronus::sim::transcript_test
