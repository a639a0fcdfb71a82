// A snapshot that is brought to a node part by part, and one that is read from there for a restore.
#include "io/storage/snapshot_intake.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <variant>

#include "core/base/limits.h"
#include "core/state/snapshot_reading.h"
#include "core/state/store.h"
#include "io/storage/snapshot_files.h"

namespace patronus::snapshot_intake_test {
namespace {

namespace fs = std::filesystem;

// The bytes of a state with so many keys, and its name.
std::pair<std::string, std::string> some_snapshot(int keys) {
  Store store;
  const Configuration alone{{{1, 2}}, {{"a", Incarnation{1}, "a:1", "a:2", Standing::kVoter}}};
  (void)store.apply({Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(alone))});
  for (int i = 0; i < keys; ++i) {
    const Command put{{Incarnation{1}, static_cast<uint64_t>(i) + 1, 1},
                      {},
                      PutOp{"n", "key" + std::to_string(i), Blob(std::string(1000, 'v')), "text/plain", {}}};
    (void)store.apply({store.applied().next(), Term{1}, EntryKind::kCommand, {}, Blob(encode_command(put))});
  }
  std::string bytes;
  artefact::Encoder encoder({store.base(), store.hash()}, bytes);
  store.for_each_row(
      [&](std::string_view key, const RowValue& value) { encoder.add(key, value.text(), bytes); });
  encoder.finish(bytes);
  return {std::move(bytes), snapshot_id(encoder.artefact())};
}

class SnapshotIntakeTest : public ::testing::Test {
 protected:
  SnapshotIntakeTest() {
    std::string pattern = (fs::temp_directory_path() / "patronus-intake-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~SnapshotIntakeTest() override { fs::remove_all(directory_); }

  SnapshotAnswer take(SnapshotIntake& intake, const std::string& id, uint64_t offset, std::string bytes) {
    SnapshotQuery query;
    query.task = SnapshotTask::kKeep;
    query.id = id;
    query.offset = offset;
    query.bytes = std::move(bytes);
    SnapshotAnswer answer;
    intake.take(directory_, query, answer);
    return answer;
  }
  size_t files() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& one : fs::directory_iterator(snapshots_place(directory_))) ++count;
    return count;
  }

  std::string directory_;
  std::pair<std::string, std::string> snapshot_ = some_snapshot(200);
  const std::string& bytes_ = snapshot_.first;
  const std::string& id_ = snapshot_.second;
};

TEST_F(SnapshotIntakeTest, KeepsWhatFitsItsNameOnceAllOfItIsThere) {
  SnapshotIntake intake;
  for (size_t at = 0; at < bytes_.size();) {
    EXPECT_FALSE(find_snapshot(directory_, id_));
    const SnapshotAnswer answer = take(intake, id_, at, bytes_.substr(at, 10'000));
    ASSERT_EQ(answer.failure + answer.damage, "");
    at = std::min(bytes_.size(), at + 10'000);
    EXPECT_EQ(answer.at_end, at == bytes_.size());
    if (!answer.at_end) {
      EXPECT_EQ(answer.wanted, at);
    }
  }
  ASSERT_TRUE(find_snapshot(directory_, id_));
  EXPECT_EQ(find_snapshot(directory_, id_)->bytes, bytes_.size());
  EXPECT_TRUE(take(intake, id_, 0, "x").at_end) << "it is there already";
  EXPECT_EQ(files(), 1U);
}

TEST_F(SnapshotIntakeTest, GoesOnWhereItWasBrokenOffAlsoInAnotherProcess) {
  {
    SnapshotIntake first;
    EXPECT_EQ(take(first, id_, 0, bytes_.substr(0, 5'000)).wanted, 5'000U);
    const SnapshotAnswer again = take(first, id_, 0, bytes_.substr(0, 5'000));
    EXPECT_TRUE(again.is_out_of_step);
    EXPECT_EQ(again.wanted, 5'000U);
  }
  SnapshotIntake second;
  const SnapshotAnswer wrong = take(second, id_, 7, bytes_.substr(7, 10));
  EXPECT_TRUE(wrong.is_out_of_step);
  EXPECT_EQ(wrong.wanted, 5'000U);
  EXPECT_TRUE(take(second, id_, 5'000, bytes_.substr(5'000)).at_end);
}

TEST_F(SnapshotIntakeTest, ThrowsAwayWhatIsDamagedOrIsNotWhatItsNameSays) {
  for (const size_t at : {size_t{3}, bytes_.size() / 2, bytes_.size() - 2}) {
    SnapshotIntake intake;
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_NE(take(intake, id_, 0, damaged).damage, "") << at;
    EXPECT_EQ(files(), 0U);
  }
  SnapshotIntake intake;
  const auto [others, name] = some_snapshot(3);
  EXPECT_EQ(take(intake, id_, 0, others).damage, "its content does not fit its name");
  EXPECT_NE(take(intake, id_, 0, bytes_ + "more").damage, "");
  EXPECT_EQ(files(), 0U);
  // What a crash left behind may be anything.
  std::ofstream(snapshots_place(directory_) + "/" + id_ + ".incoming")
      << "nonsense, and long enough for a head";
  EXPECT_TRUE(take(intake, id_, 0, bytes_).at_end);
}

TEST_F(SnapshotIntakeTest, TakesOneAtATimeUntilNobodyGoesOnWithIt) {
  SnapshotIntake intake;
  const auto [others, name] = some_snapshot(3);
  EXPECT_EQ(take(intake, id_, 0, bytes_.substr(0, 5'000)).wanted, 5'000U);
  EXPECT_NE(take(intake, name, 0, others).failure, "");
  EXPECT_EQ(take(intake, id_, 5'000, bytes_.substr(5'000, 10)).wanted, 5'010U);
  const std::string path = snapshots_place(directory_) + "/" + id_ + ".incoming";
  fs::last_write_time(path, fs::file_time_type::clock::now() - 2 * limits::kSnapshotUploadPatience);
  EXPECT_TRUE(take(intake, name, 0, others).at_end);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(SnapshotIntakeTest, IsReadTwiceFirstForWhatIsInItThenForItsKeys) {
  const auto read = [&](uint64_t offset, size_t bytes_max) {
    const size_t from = std::min<size_t>(offset, bytes_.size());
    return std::variant<std::string, SnapshotReading::Failed>(
        bytes_.substr(from, std::min<size_t>(bytes_max, 999)));
  };
  SnapshotReading reading(7);
  const auto ask = [&](SnapshotTask task, bool from_start) {
    SnapshotQuery query;
    query.task = task;
    query.id = id_;
    query.from_start = from_start;
    SnapshotAnswer answer;
    reading.answer(query, read, answer);
    return answer;
  };
  EXPECT_NE(ask(SnapshotTask::kCheck, false).failure, "") << "nothing was begun";
  SnapshotAnswer checked = ask(SnapshotTask::kCheck, true);
  while (!checked.at_end) checked = ask(SnapshotTask::kCheck, false);
  ASSERT_TRUE(checked.content);
  EXPECT_EQ(checked.content->keys, 200U);
  EXPECT_EQ(snapshot_id(checked.content->artefact), id_);
  StagedSum sum;
  size_t pieces = 0;
  for (SnapshotAnswer rows = ask(SnapshotTask::kRows, true);; rows = ask(SnapshotTask::kRows, false)) {
    ASSERT_EQ(rows.failure + rows.damage, "");
    EXPECT_LE(rows.rows, 7U);
    EXPECT_TRUE(sum.add(rows.bytes));
    ++pieces;
    if (rows.at_end) break;
  }
  EXPECT_EQ(pieces, 29U);
  EXPECT_EQ(sum.rows, checked.content->rows);
  EXPECT_EQ(sum.hash, checked.content->rows_hash);
}

TEST(SnapshotId, IsAnIndexAndAHashAndNothingElse) {
  EXPECT_EQ(index_in_snapshot_id("12-0123456789abcdef"), Index{12});
  for (const char* bad : {"", "-", "12", "0-0123456789abcdef", "012-0123456789abcdef", "12-0123456789abcde",
                          "12-0123456789ABCDEF", "12-0123456789abcdefa", "../12-0123456789abcdef", "restore",
                          "99999999999999999999-0123456789abcdef"})
    EXPECT_FALSE(is_snapshot_id(bad)) << bad;
}

}  // namespace
}  // namespace patronus::snapshot_intake_test
