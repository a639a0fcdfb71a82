#include "io/backup/verify.h"

#include <chrono>
#include <map>
#include <optional>

#include "core/base/limits.h"
#include "io/backup/database_view.h"
#include "io/backup/litestream.h"
#include "io/config/time_text.h"

namespace patronus::backup {
namespace {

using Counts = std::map<std::string, uint64_t>;
using Clock = std::chrono::steady_clock;

constexpr auto kSampleInterval = std::chrono::milliseconds(20);
constexpr int kVerifyTries = 5;

struct Look {
  DatabaseMeta meta;
  Counts counts;
};

std::variant<Look, std::string> look_at(DatabaseView& database) {
  if (auto failed = database.begin()) return std::move(*failed);
  std::variant<DatabaseMeta, std::string> meta = database.meta();
  std::variant<Counts, std::string> counts = database.counts();
  database.end();
  if (auto* failed = std::get_if<std::string>(&meta)) return std::move(*failed);
  if (auto* failed = std::get_if<std::string>(&counts)) return std::move(*failed);
  return Look{std::get<DatabaseMeta>(meta), std::move(std::get<Counts>(counts))};
}

std::variant<Look, std::string> look_at(const std::string& path, bool is_scratch) {
  std::variant<DatabaseView, std::string> opened = DatabaseView::open(path, is_scratch);
  if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
  auto& database = std::get<DatabaseView>(opened);
  if (is_scratch) {
    if (auto fault = database.integrity_fault()) return std::move(*fault);
  }
  return look_at(database);
}

uint64_t sum_of(const Counts& counts) {
  uint64_t sum = 0;
  for (const auto& [table, rows] : counts) sum += rows;
  return sum;
}

// The live database moves on: what it had at each index is noted while the copy is fetched.
class LiveCounts {
 public:
  explicit LiveCounts(std::string path) : path_(std::move(path)) {}

  void note() {
    const auto now = Clock::now();
    if (now < next_) return;
    std::variant<Look, std::string> seen = look_at(path_, false);
    // Counting large tables takes its time: no more than a tenth of it goes there.
    next_ = now + std::max<Clock::duration>(kSampleInterval, 10 * (Clock::now() - now));
    if (auto* failed = std::get_if<std::string>(&seen)) {
      fault_ = std::move(*failed);
      return;
    }
    auto& look = std::get<Look>(seen);
    meta_ = look.meta;
    if (seen_.size() == limits::kBackupSamplesMax) seen_.erase(seen_.begin());
    seen_.insert_or_assign(look.meta.applied.value, std::move(look.counts));
  }
  void note_now() {
    next_ = {};
    note();
  }
  const Counts* at(Index index) const {
    const auto found = seen_.find(index.value);
    return found == seen_.end() ? nullptr : &found->second;
  }
  // Of the last look; nothing before the first that succeeded.
  const std::optional<DatabaseMeta>& meta() const { return meta_; }
  const std::string& fault() const { return fault_; }

 private:
  std::string path_;
  Clock::time_point next_{};
  std::map<uint64_t, Counts> seen_;
  std::optional<DatabaseMeta> meta_;
  std::string fault_;
};

// The first table that differs, in words; nothing if none does.
std::optional<std::string> difference(const Counts& live, const Counts& copy) {
  for (const auto& [table, rows] : live) {
    const auto at = copy.find(table);
    if (at == copy.end()) return "the copy has no table " + table;
    if (at->second != rows)
      return "table " + table + " has " + std::to_string(rows) + " rows, and " + std::to_string(at->second) +
             " in the copy";
  }
  return std::nullopt;
}

}  // namespace

VerifyReport verify(const Verify& what, const Target& target) {
  VerifyReport report;
  report.target = target.name;
  LiveCounts live(what.database);
  for (int tries = 0; tries < kVerifyTries; ++tries) {
    live.note_now();
    if (!live.meta()) {
      report.detail = live.fault();
      break;
    }
    Shipped shipped;
    shipped.program = what.litestream;
    shipped.target = target;
    shipped.path = node_path(live.meta()->cluster, live.meta()->node);
    shipped.scratch = what.scratch;
    shipped.meanwhile = [&] { live.note(); };
    std::variant<std::optional<std::string>, std::string> copy = restore_latest(shipped);
    if (auto* failed = std::get_if<std::string>(&copy)) {
      report.detail = *failed;
      break;
    }
    const auto& path = std::get<std::optional<std::string>>(copy);
    if (!path) {
      report.detail = "there is no copy at " + target.url();
      break;
    }
    const std::variant<Look, std::string> read = look_at(*path, true);
    if (const auto* failed = std::get_if<std::string>(&read)) {
      report.detail = "the copy is damaged: " + *failed;
      break;
    }
    const auto& found = std::get<Look>(read);
    report.revision = found.meta.applied.value;
    report.rows = sum_of(found.counts);
    live.note_now();
    if (found.meta.cluster != live.meta()->cluster || found.meta.applied > live.meta()->applied) {
      report.detail = "the copy is not of this database: it holds entry " + std::to_string(report.revision) +
                      " of cluster " + found.meta.cluster.hex();
      break;
    }
    const Counts* then = live.at(found.meta.applied);
    if (then == nullptr) {
      // The copy is of a moment that was not looked at.
      report.ok = true;
      report.detail = "the copy is sound, as of entry " + std::to_string(report.revision) +
                      "; its row counts were not compared, since the database moved on too fast";
      continue;
    }
    const std::optional<std::string> differs = difference(*then, found.counts);
    report.ok = !differs;
    report.detail = differs
                        ? *differs
                        : std::to_string(found.counts.size()) + " tables have the same row counts at entry " +
                              std::to_string(report.revision);
    break;
  }
  report.at_ms = wall_now_ms();
  return report;
}

}  // namespace patronus::backup
