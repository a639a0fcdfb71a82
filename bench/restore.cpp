// What it costs the loop to restore a snapshot of a million keys into a running state: the longest apply of a
// piece, and that of the entry which makes the keys what was staged: where all are equal, where all differ,
// where others are there. Told is the time that an apply computed, without the turns of whatever else the
// machine does. Exit code 3 if an aim is missed.
//
//   patronus-restore [KEYS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/raft/configuration.h"
#include "core/state/store.h"
#include "io/heap.h"

namespace {

using namespace patronus;

constexpr size_t kValueBytes = 32;
constexpr double kPieceMsMax = 10;
constexpr double kFinishMsMax = 2'000;  // well within the usual election timeout

double computed_ms() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

class Bench {
 public:
  explicit Bench(uint64_t keys) : keys_(keys) {
    const Configuration alone{{{1, 2}}, {{"a", Incarnation{1}, "a:1", "a:2", Standing::kVoter}}};
    (void)store_.apply({Index{1}, Term{1}, EntryKind::kConfiguration, {}, Blob(encode_configuration(alone))});
  }

  double run(const char* what, const std::string& prefix, char fill) {
    const std::string id = "r" + std::to_string(++runs_);
    StagedSum sum;
    std::vector<std::string> pieces(1);
    uint64_t in_piece = 0;
    for (uint64_t i = 0; i < keys_; ++i) {
      const std::string digits = std::to_string(i);
      const std::string key = prefix + std::string(7 - digits.size(), '0') + digits;
      if (pieces.back().size() > limits::kStagedPieceBytes - 512 || in_piece == limits::kStagedPieceRowsMax) {
        pieces.emplace_back();
        in_piece = 0;
      }
      put_staged(pieces.back(), {"bench", key, "", std::string(kValueBytes, fill)});
      ++in_piece;
    }
    for (const std::string& piece : pieces) (void)sum.add(piece);
    (void)apply(BeginRestoreOp{id, Index{1}, 2, {{1, 2}}, keys_});
    double slowest = 0;
    for (size_t i = 0; i < pieces.size(); ++i)
      slowest = std::max(slowest, apply(StageRowsOp{id, i + 1, Blob(std::move(pieces[i]))}));
    const double took = apply(FinishRestoreOp{id, sum.rows, sum.hash, true});
    const RestoreCounts& counts = store_.staging().last()->counts;
    double drop = 0;
    while (!store_.staging().pieces().empty()) drop = std::max(drop, apply(DropStagedOp{id, false}));
    std::printf("%-28s %9.1f ms; a piece %5.2f ms, a drop %5.2f ms; %llu put, %llu deleted, %llu unchanged\n",
                what, took, slowest, drop, static_cast<unsigned long long>(counts.put),
                static_cast<unsigned long long>(counts.deleted),
                static_cast<unsigned long long>(counts.unchanged));
    ok_ = ok_ && slowest <= kPieceMsMax && drop <= kPieceMsMax && took <= kFinishMsMax;
    return took;
  }
  // As an image's thread would: what changed is on its way.
  void checkpoint() {
    store_.begin_changes();
    take_changes();
  }
  void take_changes() {
    std::vector<Row> rows;
    while (store_.take_changes({512, limits::kMiB}, rows)) rows.clear();
  }
  void begin_checkpoint() { store_.begin_changes(); }
  bool ok() const { return ok_; }

 private:
  double apply(RestoreOp op) {
    const Command command{{Incarnation{1}, ++sequence_, sequence_}, {}, std::move(op)};
    const Entry entry{
        store_.applied().next(), Term{1}, EntryKind::kCommand, {1000, 1000}, Blob(encode_command(command))};
    const double began = computed_ms();
    const Applied applied = store_.apply(entry);
    const double took = computed_ms() - began;
    if (applied.result.outcome != Outcome::kOk) {
      std::printf("a step was refused: %d\n", static_cast<int>(applied.result.outcome));
      std::exit(1);
    }
    return took;
  }

  uint64_t keys_;
  Store store_;
  uint64_t sequence_ = 0;
  int runs_ = 0;
  bool ok_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  keep_heap_steps_short();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  Bench bench(keys);
  bench.run("into an empty state", "k", 'a');
  bench.checkpoint();
  bench.run("all equal", "k", 'a');
  bench.checkpoint();
  bench.run("all differ", "k", 'b');
  bench.begin_checkpoint();
  bench.run("all differ, on the way", "k", 'c');
  bench.take_changes();
  bench.run("all others", "x", 'c');
  std::printf("aims, each computed: a piece or a drop under %.0f ms, the last entry under %.0f ms: %s\n",
              kPieceMsMax, kFinishMsMax, bench.ok() ? "met" : "MISSED");
  return bench.ok() ? 0 : 3;
}
