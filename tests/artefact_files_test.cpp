// Artefacts as files: what an image holds is written, fetched part by part, and becomes the image of another
// node, whose log goes on after it; what is not fit to be that changes nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "core/base/limits.h"
#include "core/state/command.h"
#include "io/storage/artefact_files.h"
#include "io/storage/artefact_worker.h"
#include "io/storage/data_directory.h"
#include "io/storage/load_state.h"
#include "io/storage/log_directory.h"

namespace patronus::artefact_files_test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr ClusterId kCluster{{1, 2}};
constexpr Incarnation kGiver{5};
constexpr Incarnation kTaker{6};
constexpr size_t kMapBytes = 64 * limits::kMiB;

Configuration configuration() {
  return {kCluster, {{"a", kGiver, "", "", Standing::kVoter}, {"b", kTaker, "", "", Standing::kVoter}}};
}

// A state that a cluster's log makes.
Store state_of(uint64_t entries) {
  Store store;
  (void)store.apply(
      {Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(configuration()))});
  for (uint64_t i = 2; i <= entries; ++i) {
    const PutOp put{"n", "key " + std::to_string(i), Blob(std::string(1000, 'v')), "", std::nullopt};
    const Command command{{kGiver, i, i}, {}, put, {}};
    (void)store.apply({Index{i}, Term{1}, EntryKind::kCommand, {}, Blob(encode_command(command))});
  }
  return store;
}

void write_image(const std::string& path, Incarnation incarnation, Store store) {
  std::variant<Image, ImageError> opened = Image::open(path, kMapBytes);
  auto& image = std::get<Image>(opened);
  ASSERT_FALSE(image.begin());
  std::vector<Row> rows;
  store.for_each_row(
      [&](std::string_view key, const RowValue& value) { rows.push_back({std::string(key), value}); });
  ASSERT_FALSE(image.write(rows));
  ASSERT_FALSE(image.commit(incarnation, {store.base(), store.hash()}));
}

class ArtefactFiles : public ::testing::Test {
 protected:
  ArtefactFiles() {
    std::string pattern = ::testing::TempDir() + "patronus-artefact-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directory(giver());
    fs::create_directory(taker());
  }
  ~ArtefactFiles() override { fs::remove_all(root_); }

  std::string giver() const { return root_ + "/giver"; }
  std::string taker() const { return root_ + "/taker"; }
  ArtefactPaths taken() const { return artefact_paths(taker()); }

  // The giver's state as an artefact that has arrived at the taker.
  Artefact give(uint64_t entries) {
    fs::remove(image_path(giver()));
    write_image(image_path(giver()), kGiver, state_of(entries));
    std::variant<Image, ImageError> opened = Image::open(image_path(giver()), kMapBytes);
    const auto made = write_artefact(std::get<Image>(opened), taken().arrived, [] { return false; });
    EXPECT_TRUE(std::holds_alternative<Artefact>(made));
    return std::get<Artefact>(made);
  }
  std::optional<std::string> install(ClusterId cluster = kCluster, bool must = false) {
    complaints_.clear();
    const Arrival arrival = install_arrived(
        taker(), kTaker, cluster, must, kMapBytes, [](uint64_t, uint64_t) {},
        [this](const std::string& line) { complaints_.push_back(line); });
    refused_ = arrival.refused;
    return arrival.error.empty() ? std::nullopt : std::optional(arrival.error);
  }
  // The taker's log, with some entries of its own.
  LogDirectory log_with(uint64_t entries) {
    auto opened = open_log_directory(taker(), kTaker);
    auto directory = std::move(std::get<LogDirectory>(opened));
    wal::Encoder encoder(kTaker, directory.recovered.position, limits::kWalSegmentBytes,
                         directory.recovered.hard);
    Persist persist{PersistId{1}, HardState{Term{1}, "a", kCluster, 3}, {}};
    persist.entries.push_back(
        {Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(configuration()))});
    for (uint64_t i = 2; i <= entries; ++i)
      persist.entries.push_back({Index{i}, Term{1}, EntryKind::kCommand, {}, Blob("x")});
    const wal::Write write = encoder.encode({&persist, 1});
    auto file = File::open(segment_path(taker(), write.segment), O_RDWR);
    EXPECT_FALSE(std::get<File>(file).write_at(write.offset, write.bytes));
    directory.lock.close();
    return std::get<LogDirectory>(open_log_directory(taker(), kTaker));
  }

  std::string root_;
  std::vector<std::string> complaints_;
  bool refused_ = false;
};

TEST_F(ArtefactFiles, WhatHasArrivedIsTheStateFromThenOn) {
  LogDirectory log = log_with(20);
  const Artefact artefact = give(500);
  EXPECT_EQ(artefact.index, Index{500});
  EXPECT_EQ(artefact.bytes, fs::file_size(taken().arrived));
  ASSERT_FALSE(install());
  EXPECT_TRUE(complaints_.empty());
  EXPECT_FALSE(fs::exists(taken().arrived));
  std::variant<LoadedState, StateFault> loaded = load_state(log, kMapBytes, [](uint64_t, uint64_t) {});
  ASSERT_TRUE(std::holds_alternative<LoadedState>(loaded)) << std::get<StateFault>(loaded).reason;
  const Store& store = std::get<LoadedState>(loaded).store;
  EXPECT_EQ(store.applied(), Index{500});
  EXPECT_EQ(store.hash(), state_of(500).hash());
  EXPECT_TRUE(log.recovered.entries.empty()) << "the log was left behind";
  EXPECT_EQ(log.recovered.hard, (HardState{Term{1}, "a", kCluster, 3})) << "its promises stay";
  // From now on a misfit is damage again.
  auto about = std::get<LoadedState>(loaded).image.about();
  EXPECT_FALSE(std::get<std::optional<ImageAbout>>(about)->installed);
}

TEST_F(ArtefactFiles, ALogThatReachesOnIsKept) {
  LogDirectory log = log_with(20);
  (void)give(15);
  ASSERT_FALSE(install());
  std::variant<LoadedState, StateFault> loaded = load_state(log, kMapBytes, [](uint64_t, uint64_t) {});
  ASSERT_TRUE(std::holds_alternative<LoadedState>(loaded)) << std::get<StateFault>(loaded).reason;
  EXPECT_EQ(log.recovered.entries.size(), 20U);
}

TEST_F(ArtefactFiles, WhatIsOfNoUseChangesNothing) {
  write_image(image_path(taker()), kTaker, state_of(100));
  const auto image_index = [&] {
    std::variant<Image, ImageError> opened = Image::open(image_path(taker()), kMapBytes);
    return std::get<std::optional<ImageAbout>>(std::get<Image>(opened).about())->end.base.index;
  };
  const auto refused = [&](const std::string& why) {
    ASSERT_EQ(complaints_.size(), 1U);
    EXPECT_NE(complaints_[0].find(why), std::string::npos) << complaints_[0];
    EXPECT_FALSE(fs::exists(taken().arrived));
    EXPECT_EQ(image_index(), Index{100});
  };
  (void)give(100);
  ASSERT_FALSE(install());
  refused("as much already");
  EXPECT_FALSE(refused_) << "a crash before it was removed";
  (void)give(500);
  ASSERT_FALSE(install({{8, 8}}));
  refused("another cluster");
  // Where there is nothing else to begin from it is kept, for whoever can make room or bring a better one.
  (void)give(500);
  EXPECT_TRUE(install({{8, 8}}, true));
  EXPECT_TRUE(fs::exists(taken().arrived));
  EXPECT_FALSE(fs::exists(taker() + "/image.new"));
  fs::resize_file(taken().arrived, fs::file_size(taken().arrived) / 2);
  ASSERT_FALSE(install());
  refused("cut short");
  EXPECT_TRUE(refused_);
  (void)give(500);
  {
    std::fstream file(taken().arrived, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(taken().arrived) / 2));
    file.write("damage", 6);
  }
  ASSERT_FALSE(install());
  refused("damaged");
  (void)give(500);
  ASSERT_FALSE(install());
  EXPECT_TRUE(complaints_.empty());
  EXPECT_EQ(image_index(), Index{500});
}

// What an image is of that is sound and ahead of its log may be what the log has lost: entries, and votes
// with them.
TEST_F(ArtefactFiles, AnImageAheadOfItsLogIsNotSetAsideAlone) {
  {
    const LogDirectory log = log_with(20);
    write_image(image_path(taker()), kTaker, state_of(100));
  }
  std::vector<std::string> said;
  OpenData how;
  how.path = taker();
  how.map_bytes = kMapBytes;
  how.has_peers = true;
  how.incarnation = [] { return Incarnation{4711}; };
  how.progress = [](uint64_t, uint64_t) {};
  how.say = [&](const std::string& line) { said.push_back(line); };
  {
    const std::variant<OpenedData, std::string> opened = open_data(how);
    ASSERT_TRUE(std::holds_alternative<OpenedData>(opened)) << std::get<std::string>(opened);
    const auto& data = std::get<OpenedData>(opened);
    EXPECT_EQ(data.directory.recovered.incarnation, Incarnation{4711});
    EXPECT_TRUE(data.directory.recovered.entries.empty());
    ASSERT_TRUE(data.rebuild);
    EXPECT_EQ(data.rebuild->cluster, kCluster);
  }
  EXPECT_TRUE(fs::exists(taker() + "/aside-1/image.mdb"));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("begins empty"), std::string::npos) << said[0];
  // The next start knows it too, until the node has joined.
  const std::variant<OpenedData, std::string> again = open_data(how);
  EXPECT_TRUE(std::get<OpenedData>(again).rebuild);
  how.has_peers = false;
}

// A damaged one is made up for by a log that has everything.
TEST_F(ArtefactFiles, ADamagedImageIsSetAsideAlone) {
  {
    const LogDirectory log = log_with(1);
    std::ofstream(image_path(taker())) << std::string(100'000, 'x');
  }
  OpenData how;
  how.path = taker();
  how.map_bytes = kMapBytes;
  how.incarnation = [] { return Incarnation{4711}; };
  how.progress = [](uint64_t, uint64_t) {};
  how.say = [](const std::string&) {};
  const std::variant<OpenedData, std::string> opened = open_data(how);
  ASSERT_TRUE(std::holds_alternative<OpenedData>(opened)) << std::get<std::string>(opened);
  EXPECT_EQ(std::get<OpenedData>(opened).directory.recovered.incarnation, kTaker);
  EXPECT_FALSE(std::get<OpenedData>(opened).rebuild);
}

TEST_F(ArtefactFiles, LeftoversOfAnEarlierProcessGo) {
  for (const std::string& path : {taken().made, taken().incoming, taker() + "/image.new"})
    std::ofstream(path) << "x";
  ASSERT_FALSE(install());
  for (const std::string& path : {taken().made, taken().incoming, taker() + "/image.new"})
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(ArtefactFiles, AnEmptyImageGivesNothing) {
  std::variant<Image, ImageError> opened = Image::open(image_path(giver()), kMapBytes);
  const auto made = write_artefact(std::get<Image>(opened), taken().made, [] { return false; });
  EXPECT_TRUE(std::holds_alternative<ImageError>(made));
  EXPECT_FALSE(fs::exists(taken().made));
}

// Who gets a copy has nothing to compare it with, so whoever gives it looks.
TEST_F(ArtefactFiles, ADamagedImageGivesNothing) {
  const Store state = state_of(50);
  write_image(image_path(giver()), kGiver, state);
  std::variant<Image, ImageError> opened = Image::open(image_path(giver()), kMapBytes);
  auto& image = std::get<Image>(opened);
  std::vector<Row> rows;
  state.for_each_row(
      [&](std::string_view key, const RowValue& value) { rows.push_back({std::string(key), value}); });
  for (const bool is_lost : {true, false}) {
    Row row = rows[rows.size() / 2];
    if (is_lost) {
      row.value.reset();
    } else {
      row.value->tail = Blob(std::string(999, 'v') + 'w');
    }
    ASSERT_TRUE(!image.begin() && !image.write(std::vector<Row>{row}) &&
                !image.commit(kGiver, {state.base(), state.hash()}));
    const auto made = write_artefact(image, taken().made, [] { return false; });
    const auto* error = std::get_if<ImageError>(&made);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->fault, ImageFault::kDamaged) << error->text;
    EXPECT_FALSE(fs::exists(taken().made));
    EXPECT_FALSE(fs::exists(taken().made + ".new"));
  }
  ASSERT_TRUE(!image.begin() && !image.write(rows) && !image.commit(kGiver, {state.base(), state.hash()}));
  EXPECT_TRUE(std::holds_alternative<Artefact>(write_artefact(image, taken().made, [] { return false; })));
}

// Both sides of the worker: parts are read here and kept there until the whole has arrived.
TEST_F(ArtefactFiles, TheWorkerReadsAndKeepsParts) {
  const Artefact artefact = give(2'000);
  fs::rename(taken().arrived, taken().made);
  std::mutex mutex;
  std::condition_variable came;
  size_t notified = 0;
  ArtefactWorker worker(taken(), [&] {
    const std::lock_guard lock(mutex);
    ++notified;
    came.notify_all();
  });
  const auto next = [&] {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(came.wait_for(lock, 60s, [&] { return notified > 0; }));
    --notified;
    return *worker.take_done();
  };
  worker.read({"b", artefact, 0});
  EXPECT_TRUE(std::get<ArtefactWorker::Read>(next()).bytes.empty()) << "nobody has said what it is";
  worker.made(artefact);
  for (uint64_t offset = 0; offset < artefact.bytes; offset += limits::kArtefactPartBytes) {
    worker.read({"b", artefact, offset});
    const auto read = std::get<ArtefactWorker::Read>(next());
    ASSERT_FALSE(read.bytes.empty());
    worker.keep({artefact, offset, Blob(read.bytes)});
    EXPECT_EQ(std::get<PartKept>(next()).failure, "");
  }
  worker.arrive(artefact);
  EXPECT_EQ(std::get<ArtefactWorker::Arrived>(next()).failure, "");
  ASSERT_FALSE(install());
  EXPECT_TRUE(complaints_.empty());
  EXPECT_EQ(fs::exists(image_path(taker())), true);
}

}  // namespace
}  // namespace patronus::artefact_files_test
