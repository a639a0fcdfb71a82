// What a large state costs: a node of one member with a million keys writes its image while it takes writes.
// Told are the time of a checkpoint of everything and of the usual one, the longest that the loop was held up
// by a step meanwhile, and how long it takes to begin again from the image. Exit code 3 if the aim for the
// pause is missed.
//
// A pause is told as time that passed and as time that the step itself computed: on a machine that does other
// things too, the former has turns of those in it. A run of writes without any checkpoint tells how long
// these are.
//
//   patronus-image [DIRECTORY] [KEYS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/node.h"
#include "io/heap.h"
#include "io/storage/image_writer.h"
#include "io/storage/load_state.h"

namespace {

using namespace patronus;
using Clock = std::chrono::steady_clock;

constexpr Incarnation kIncarnation{1};
constexpr double kPauseMsMax = 10;
constexpr size_t kValueBytes = 32;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double computed_ms() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

Now now() { return {Instant{Clock::now().time_since_epoch().count()}, WallTime{1'700'000'000'000}}; }

// The node, a log that is on disk at once, and the real image. Steps are timed.
class Bench {
 public:
  Bench(const std::string& path, CheckpointPace pace)
      : writer_(path, limits::kImageMapBytes, open(path), kIncarnation, std::chrono::seconds(1), [] {}),
        node_(boot(pace), "bench", now()) {
    Effects effects;
    node_.start(now(), effects);
    take(std::move(effects));
    while (!node_.raft().is_leader()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      step(Wake{});
    }
  }

  void put(uint64_t key) {
    char name[32];
    std::snprintf(name, sizeof(name), "key-%08llu", static_cast<unsigned long long>(key));
    PutOp op{"bench", name, Blob(std::string(kValueBytes, static_cast<char>('a' + writes_++ % 26))), "", {}};
    step(ClientWrite{RequestId{1}, std::move(op), {}, now().mono + std::chrono::seconds(10), {}});
    poll();
  }
  // Takes what the image's thread has done.
  void poll() {
    if (const std::optional<ImageWriter::Done> done = writer_.take_done()) {
      if (!done->error.empty()) {
        std::fprintf(stderr, "%s\n", done->error.c_str());
        std::exit(1);
      }
      if (ends_) ++checkpoints_;
      step(CheckpointTaken{});
    }
  }
  // A node that is told to leave writes what was applied.
  void hurry() {
    step(Drain{false});
    step(Drain{true});
  }
  uint64_t checkpoints() const { return checkpoints_; }
  // The longest step since forget_longest().
  struct Longest {
    double passed_ms = 0;
    double computed_ms = 0;
  };
  const Longest& longest() const { return longest_; }
  void forget_longest() { longest_ = {}; }
  const Node& node() const { return node_; }
  size_t rows() const { return rows_; }

 private:
  static Image open(const std::string& path) {
    std::variant<Image, ImageError> opened = Image::open(path, limits::kImageMapBytes);
    if (const auto* error = std::get_if<ImageError>(&opened)) {
      std::fprintf(stderr, "%s\n", error->text.c_str());
      std::exit(1);
    }
    return std::move(std::get<Image>(opened));
  }
  static Boot boot(CheckpointPace pace) {
    Boot boot;
    boot.id = "a";
    boot.incarnation = kIncarnation;
    boot.election_timeout = std::chrono::milliseconds(500);
    boot.heartbeat_interval = std::chrono::milliseconds(100);
    boot.pace = pace;
    return boot;
  }
  void step(Event&& event) {
    const double computed = computed_ms();
    const Clock::time_point start = Clock::now();
    Effects effects;
    node_.step(now(), std::move(event), effects);
    take(std::move(effects));
    longest_.passed_ms = std::max(longest_.passed_ms, ms_since(start));
    longest_.computed_ms = std::max(longest_.computed_ms, computed_ms() - computed);
  }
  void take(Effects&& effects) {
    std::vector<PersistId> written;
    for (Effect& effect : effects) {
      if (const auto* persist = std::get_if<Persist>(&effect)) written.push_back(persist->id);
      if (auto* piece = std::get_if<Checkpoint>(&effect)) {
        ends_ = piece->end.has_value();
        rows_ += piece->rows.size();
        writer_.submit(std::move(*piece));
      }
    }
    for (const PersistId id : written) {
      Effects more;
      node_.step(now(), WriteDone{id}, more);
      take(std::move(more));
    }
  }

  ImageWriter writer_;
  Node node_;
  uint64_t writes_ = 0;
  uint64_t checkpoints_ = 0;
  size_t rows_ = 0;
  bool ends_ = false;
  Longest longest_;
};

// Random writes go on until a checkpoint more is done.
double write_until_checkpoint(Bench& bench, Random& random, uint64_t keys) {
  const uint64_t before = bench.checkpoints();
  bench.forget_longest();
  const Clock::time_point start = Clock::now();
  while (bench.checkpoints() == before) bench.put(random.below(keys));
  return ms_since(start);
}

int run(const std::string& directory, uint64_t keys) {
  const std::string path = image_path(directory);
  Random random(1);
  CheckpointPace pace;
  Bench::Longest longest;
  Base base;
  uint64_t hash = 0;
  {
    pace.bytes = SIZE_MAX;
    pace.interval = std::chrono::hours(1);
    Bench bench(path, pace);
    Clock::time_point start = Clock::now();
    for (uint64_t key = 0; key < keys; ++key) bench.put(key);
    std::printf("%llu keys of %zu bytes applied in %.0f ms, %.0f MB of state\n",
                static_cast<unsigned long long>(keys), kValueBytes, ms_since(start),
                static_cast<double>(bench.node().store().bytes()) / 1e6);
    start = Clock::now();
    bench.forget_longest();
    while (ms_since(start) < 2000) bench.put(random.below(keys));
    std::printf("writes without a checkpoint: longest step %.2f ms, computed %.2f ms\n",
                bench.longest().passed_ms, bench.longest().computed_ms);
    for (int i = 0; i < 2; ++i) {
      const size_t rows = bench.rows();
      bench.hurry();
      const double took = write_until_checkpoint(bench, random, keys);
      std::printf("checkpoint of %zu rows, while writing: %.0f ms, longest step %.2f ms, computed %.2f ms\n",
                  bench.rows() - rows, took, bench.longest().passed_ms, bench.longest().computed_ms);
      longest.passed_ms = std::max(longest.passed_ms, bench.longest().passed_ms);
      longest.computed_ms = std::max(longest.computed_ms, bench.longest().computed_ms);
    }
  }
  {
    // The image of before is taken up as the process would.
    std::variant<Image, ImageError> opened = Image::open(path, limits::kImageMapBytes);
    if (std::holds_alternative<ImageError>(opened)) return 1;
    const auto about = std::get<Image>(opened).about();
    if (std::holds_alternative<ImageError>(about)) return 1;
    base = std::get<std::optional<ImageAbout>>(about)->end.base;
    hash = std::get<std::optional<ImageAbout>>(about)->end.state_hash;
  }
  LogDirectory log{std::filesystem::path(path).parent_path().string(), {}, {}};
  wal::Recovered& recovered = log.recovered;
  recovered.verdict = wal::Verdict::kWhole;
  recovered.incarnation = kIncarnation;
  recovered.hard.term = base.term;
  recovered.segments = {{2, base.index, true}};
  const Clock::time_point start = Clock::now();
  std::variant<LoadedState, StateFault> loaded =
      load_state(log, limits::kImageMapBytes, [](uint64_t, uint64_t) {});
  const double boot_ms = ms_since(start);
  if (const auto* fault = std::get_if<StateFault>(&loaded)) {
    std::fprintf(stderr, "%s\n", fault->reason.c_str());
    return 1;
  }
  if (std::get<LoadedState>(loaded).store.hash() != hash) return 1;
  std::printf("boot from an image of %.0f MB: %.0f ms, its hash compared\n",
              static_cast<double>(std::filesystem::file_size(path)) / 1e6, boot_ms);
  std::printf(
      "longest step of the loop while a checkpoint was under way: computed %.2f ms (aim: under %.0f ms)\n",
      longest.computed_ms, kPauseMsMax);
  return longest.computed_ms < kPauseMsMax ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  patronus::keep_heap_steps_short();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::string directory = argc > 1 ? argv[1] : "";
  const bool temporary = directory.empty();
  if (temporary) {
    std::string pattern = (std::filesystem::temp_directory_path() / "patronus-image-XXXXXX").string();
    directory = ::mkdtemp(pattern.data()) == nullptr ? "." : pattern;
  }
  const uint64_t keys = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const int code = run(directory, std::max<uint64_t>(keys, 1));
  if (temporary) std::filesystem::remove_all(directory);
  return code;
}
