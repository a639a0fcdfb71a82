// The image on a real disk against a plain map: whatever checkpoints are made, however the file is closed and
// opened, and whenever the process that writes it is killed, it holds one checkpoint, whole.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "io/storage/image.h"
#include "io/storage/image_writer.h"
#include "io/storage/load_state.h"

namespace patronus::image_test {
namespace {

using namespace std::chrono_literals;

constexpr Incarnation kDirectory{9};
constexpr size_t kMapBytes = 64 * limits::kMiB;
constexpr auto kPatience = 120s;
using Rows = std::map<std::string, std::string>;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = ::testing::TempDir() + "patronus-image-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string image() const { return image_path(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Image open(const std::string& path, size_t map_bytes = kMapBytes) {
  std::variant<Image, ImageError> opened = Image::open(path, map_bytes);
  if (const auto* error = std::get_if<ImageError>(&opened)) throw std::runtime_error(error->text);
  return std::move(std::get<Image>(opened));
}

std::optional<ImageAbout> about(Image& image) {
  std::variant<std::optional<ImageAbout>, ImageError> read = image.about();
  if (const auto* error = std::get_if<ImageError>(&read)) throw std::runtime_error(error->text);
  return std::get<std::optional<ImageAbout>>(read);
}

Rows rows_of(Image& image) {
  Rows rows;
  const std::optional<ImageError> error =
      image.read([&](std::string_view key, std::string_view value) -> std::optional<std::string> {
        rows.emplace(key, value);
        return std::nullopt;
      });
  if (error) throw std::runtime_error(error->text);
  return rows;
}

CheckpointEnd end_at(uint64_t index) { return {{Index{index}, Term{1}, {1, 2}, {}, {}}, index * 31}; }

// What checkpoint number `index` changes, always the same.
std::vector<Row> changes_of(uint64_t index) {
  Random random(index);
  std::vector<Row> rows;
  for (uint64_t i = 0; i < 1 + random.below(40); ++i) {
    Row row{"row " + std::to_string(random.below(200)), std::nullopt};
    if (random.below(3) > 0) {
      const size_t size = random.below(20) == 0 ? limits::kValueBytesMax : random.below(3000);
      row.value =
          RowValue{std::to_string(index) + ":", Blob(std::string(size, static_cast<char>('a' + index % 26)))};
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void change(Rows& rows, uint64_t index) {
  for (const Row& row : changes_of(index)) {
    if (row.value) {
      rows.insert_or_assign(row.key, row.value->text());
    } else {
      rows.erase(row.key);
    }
  }
}

Rows after(uint64_t checkpoints) {
  Rows rows;
  for (uint64_t i = 1; i <= checkpoints; ++i) change(rows, i);
  return rows;
}

bool write(Image& image, uint64_t index) {
  return !image.begin() && !image.write(changes_of(index)) && !image.commit(kDirectory, end_at(index));
}

TEST(Image, IsEmptyAtFirst) {
  const TemporaryDirectory directory;
  Image image = open(directory.image());
  EXPECT_EQ(about(image), std::nullopt);
  EXPECT_TRUE(rows_of(image).empty());
}

RC_GTEST_PROP(ImageProperty, HoldsTheLastCheckpoint, (uint64_t seed)) {
  const TemporaryDirectory directory;
  Random random(seed);
  std::optional<Image> image(open(directory.image()));
  Rows model;
  uint64_t done = 0;
  for (uint64_t i = 1; i <= 15; ++i) {
    if (random.below(4) == 0) {
      // One that is given up leaves nothing.
      RC_ASSERT(!image->begin());
      RC_ASSERT(!image->write(changes_of(1000 + i)));
      image->abandon();
    }
    if (random.below(3) == 0) {
      image.reset();
      image.emplace(open(directory.image()));
    }
    RC_ASSERT(write(*image, i));
    change(model, i);
    done = i;
    const bool same = rows_of(*image) == model;
    RC_ASSERT(same);
    RC_ASSERT(about(*image) == (ImageAbout{kDirectory, end_at(done), model.size(), false}));
  }
}

// The writing process is killed at any moment; what it said was durable is there, and nothing by halves.
TEST(Image, SurvivesTheDeathOfItsWriter) {
  const TemporaryDirectory directory;
  Random random(7);
  uint64_t last = 0;
  for (int round = 0; round < 12; ++round) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(told[0]);
      Image image = open(directory.image());
      for (uint64_t i = last + 1;; ++i) {
        if (!write(image, i)) ::_exit(1);
        if (::write(told[1], &i, sizeof(i)) != sizeof(i)) ::_exit(1);
      }
    }
    ::close(told[1]);
    uint64_t heard = last;
    const uint64_t enough = last + 1 + random.below(6);
    while (heard < enough && ::read(told[0], &heard, sizeof(heard)) == sizeof(heard)) {
    }
    ASSERT_GE(heard, enough) << "the writer failed";
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(4000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    uint64_t more = 0;
    while (::read(told[0], &more, sizeof(more)) == sizeof(more)) heard = more;
    ::close(told[0]);
    Image image = open(directory.image());
    const std::optional<ImageAbout> found = about(image);
    ASSERT_TRUE(found);
    const uint64_t at = found->end.base.index.value;
    // The last one may have been finished without a word.
    EXPECT_TRUE(at == heard || at == heard + 1) << at << " after " << heard;
    EXPECT_TRUE(rows_of(image) == after(at));
    last = at;
  }
}

TEST(Image, SaysThatItIsFullAndGoesOnAsItWas) {
  const TemporaryDirectory directory;
  constexpr size_t kSmall = limits::kMiB;
  {
    Image image = open(directory.image(), kSmall);
    ASSERT_TRUE(!image.begin());
    ASSERT_TRUE(!image.write({{"a", RowValue{"1", {}}}}));
    ASSERT_TRUE(!image.commit(kDirectory, end_at(1)));
    ASSERT_TRUE(!image.begin());
    const std::optional<ImageError> error =
        image.write({{"b", RowValue{"", Blob(std::string(2 * kSmall, 'x'))}}});
    ASSERT_TRUE(error);
    EXPECT_EQ(error->fault, ImageFault::kFull);
    EXPECT_FALSE(image.in_transaction());
    EXPECT_EQ(rows_of(image), (Rows{{"a", "1"}}));
  }
  Image larger = open(directory.image());
  EXPECT_EQ(rows_of(larger), (Rows{{"a", "1"}}));
}

void overwrite(const std::string& path, uint64_t from, uint64_t size, char with) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(from));
  file << std::string(size, with);
  ASSERT_TRUE(file.flush());
}

class LoadState : public ::testing::Test {
 protected:
  // A state with some keys, in the image, and the log that goes on from there.
  LoadState() {
    const Configuration configuration{{{1, 2}}, {{"a", Incarnation{1}, "", "", Standing::kVoter}}};
    apply(EntryKind::kConfiguration, encode_configuration(configuration));
    for (uint64_t i = 1; i <= 300; ++i) {
      const Command put{{Incarnation{1}, i, 1},
                        {},
                        PutOp{"n", "key " + std::to_string(i), Blob(std::string(500, 'v')), "", {}}};
      apply(EntryKind::kCommand, encode_command(put));
    }
    Image image = open(directory_.image());
    store_.begin_changes();
    std::vector<Row> rows;
    while (store_.take_changes({10, 10'000}, rows)) {
    }
    EXPECT_TRUE(!image.begin() && !image.write(rows) &&
                !image.commit(kDirectory, {store_.base(), store_.hash()}));
  }
  void apply(EntryKind kind, std::string payload) {
    recovered_.entries.push_back({store_.applied().next(), Term{1}, kind, {}, Blob(std::move(payload))});
    (void)store_.apply(recovered_.entries.back());
    recovered_.verdict = wal::Verdict::kWhole;
    recovered_.incarnation = kDirectory;
    recovered_.hard.term = Term{1};
    recovered_.segments = {{1, store_.applied(), true}};
  }
  std::variant<LoadedState, StateFault> load() {
    LogDirectory log{directory_.path(), {}, recovered_};
    return load_state(log, kMapBytes, [](uint64_t, uint64_t) {});
  }
  std::optional<StateFault> fault() {
    std::variant<LoadedState, StateFault> loaded = load();
    const auto* found = std::get_if<StateFault>(&loaded);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  TemporaryDirectory directory_;
  Store store_;
  wal::Recovered recovered_;
};

TEST_F(LoadState, GivesTheStateThatWasWritten) {
  std::variant<LoadedState, StateFault> loaded = load();
  ASSERT_TRUE(std::holds_alternative<LoadedState>(loaded)) << std::get<StateFault>(loaded).reason;
  EXPECT_EQ(std::get<LoadedState>(loaded).store.hash(), store_.hash());
  EXPECT_EQ(std::get<LoadedState>(loaded).store.base(), store_.base());
}

TEST_F(LoadState, RefusesAnotherLogsImage) {
  recovered_.incarnation = Incarnation{10};
  EXPECT_EQ(fault()->verdict, BootVerdict::kImageOfAnother);
}

TEST_F(LoadState, SeesAChangedRow) {
  {
    Image image = open(directory_.image());
    const std::string key = row_key(RowKind::kKey, std::string_view("n\0key 7", 7));
    std::optional<RowValue> value;
    store_.for_each_row([&](std::string_view at, const RowValue& row) {
      if (at == key) value = row;
    });
    ASSERT_TRUE(value);
    value->tail = Blob(std::string(500, 'w'));
    ASSERT_TRUE(!image.begin() && !image.write({{key, value}}) &&
                !image.commit(kDirectory, {store_.base(), store_.hash()}));
  }
  EXPECT_EQ(fault()->kind, StateFault::Kind::kDamaged);
}

// Zeros over the whole file, over its middle, and a file that is cut short: damage, said in one line, and
// never the end of this process.
TEST_F(LoadState, SeesZerosAndCuts) {
  const std::string path = directory_.image();
  const auto size = std::filesystem::file_size(path);
  const std::string kept = path + ".kept";
  std::filesystem::copy_file(path, kept);
  for (const auto& [from, length] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, size}, {8192, size - 8192}, {size / 2, size / 4}, {0, 4096}}) {
    overwrite(path, from, length, '\0');
    const std::optional<StateFault> found = fault();
    // One of the two meta pages is enough.
    if (length > 4096) {
      ASSERT_TRUE(found) << from << " " << length;
    }
    if (found) {
      EXPECT_EQ(found->kind, StateFault::Kind::kDamaged) << found->reason;
      EXPECT_EQ(found->reason.find('\n'), std::string::npos);
    }
    std::filesystem::copy_file(kept, path, std::filesystem::copy_options::overwrite_existing);
  }
  std::filesystem::resize_file(path, size / 2);
  EXPECT_EQ(fault()->kind, StateFault::Kind::kDamaged);
}

// Any garbage anywhere: the state that was written, or a refusal.
TEST_F(LoadState, SurvivesGarbage) {
  const std::string path = directory_.image();
  const auto size = std::filesystem::file_size(path);
  const std::string kept = path + ".kept";
  std::filesystem::copy_file(path, kept);
  Random random(11);
  for (int i = 0; i < 60; ++i) {
    std::string garbage(1 + random.below(600), '\0');
    for (char& c : garbage) c = static_cast<char>(random.below(256));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(random.below(size - garbage.size())));
    file << garbage;
    file.close();
    std::variant<LoadedState, StateFault> loaded = load();
    if (const auto* state = std::get_if<LoadedState>(&loaded)) {
      EXPECT_EQ(state->store.hash(), store_.hash());
    }
    std::filesystem::copy_file(kept, path, std::filesystem::copy_options::overwrite_existing);
  }
}

// What the loop is in production: woken by the writer's thread, it takes the result.
class Waker {
 public:
  void notify() {
    const std::lock_guard lock(mutex_);
    ++notified_;
    wakeup_.notify_all();
  }
  bool wait(const std::function<bool()>& until) {
    std::unique_lock lock(mutex_);
    return wakeup_.wait_for(lock, kPatience, until);
  }

 private:
  std::mutex mutex_;
  std::condition_variable wakeup_;
  int notified_ = 0;
};

TEST(ImageWriter, WritesPiecesAsOneCheckpoint) {
  const TemporaryDirectory directory;
  Waker waker;
  {
    ImageWriter writer(directory.image(), kMapBytes, open(directory.image()), kDirectory, 1ms,
                       [&] { waker.notify(); });
    for (uint64_t i = 1; i <= 3; ++i) {
      for (const bool last : {false, true}) {
        writer.submit({{{"row " + std::to_string(2 * i + (last ? 1 : 0)), RowValue{"v", {}}}},
                       last ? std::optional(end_at(i)) : std::nullopt});
        std::optional<ImageWriter::Done> done;
        ASSERT_TRUE(waker.wait([&] { return (done = writer.take_done()).has_value(); }))
            << "the writer hangs";
        EXPECT_EQ(done->error, "");
      }
    }
    // Never finished.
    writer.submit({{{"row 9", RowValue{"v", {}}}}, std::nullopt});
  }
  Image image = open(directory.image());
  EXPECT_EQ(about(image)->end, end_at(3));
  EXPECT_EQ(rows_of(image).size(), 6U);
}

TEST(ImageWriter, WritesAnewWhatIsOfNoUse) {
  const TemporaryDirectory directory;
  Waker waker;
  std::optional<ImageWriter> writer;
  writer.emplace(directory.image(), kMapBytes, open(directory.image()), kDirectory, 1ms,
                 [&] { waker.notify(); });
  const auto submit = [&](Checkpoint piece) {
    writer->submit(std::move(piece));
    std::optional<ImageWriter::Done> done;
    ASSERT_TRUE(waker.wait([&] { return (done = writer->take_done()).has_value(); })) << "the writer hangs";
    EXPECT_EQ(done->error, "");
  };
  submit({{{"old", RowValue{"v", {}}}, {"older", RowValue{"v", {}}}}, end_at(1)});
  // Whatever is in its pages: nothing of it is followed.
  {
    std::fstream file(directory.image(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2 * 4096);
    file << std::string(3 * 4096, '\x5a');
  }
  submit({{{"new", RowValue{"v", {}}}}, std::nullopt, true});
  submit({{{"newer", RowValue{"v", {}}}}, end_at(2)});
  // And it is gone on with.
  submit({{{"newest", RowValue{"v", {}}}}, end_at(3)});
  writer.reset();
  Image image = open(directory.image());
  EXPECT_EQ(about(image)->end, end_at(3));
  EXPECT_EQ(rows_of(image),
            (std::map<std::string, std::string>{{"new", "v"}, {"newer", "v"}, {"newest", "v"}}));
}

// A full disk is waited out: it complains, and answers once there was room.
TEST(ImageWriter, WaitsForRoom) {
  const TemporaryDirectory directory;
  Waker waker;
  constexpr size_t kSmall = limits::kMiB;
  ImageWriter writer(directory.image(), kSmall, open(directory.image(), kSmall), kDirectory, 1ms,
                     [&] { waker.notify(); });
  writer.submit({{{"large", RowValue{"", Blob(std::string(2 * kSmall, 'x'))}}}, end_at(1)});
  std::optional<std::string> complaint;
  ASSERT_TRUE(waker.wait([&] { return (complaint = writer.take_complaint()).has_value(); }));
  EXPECT_NE(complaint->find("tried again"), std::string::npos) << *complaint;
  EXPECT_FALSE(writer.take_done().has_value());
}

}  // namespace
}  // namespace patronus::image_test
