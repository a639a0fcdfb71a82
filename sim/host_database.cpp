// The dashboard's database on a simulated machine.
#include "sim/host.h"
#include "sim/violation.h"

namespace patronus::sim {

using namespace std::chrono_literals;

void Host::open_database(Duration after) {
  events_.after(after, [this, process = process_] {
    if (process != process_) return;
    const uint64_t opening = database_.open();
    run(process,
        [opening](Driver& driver) { driver.database_report({DatabaseState::kOpened, opening, ""}); });
  });
}

void Host::project(Project&& piece) {
  if (piece.opening != database_.opening()) return;
  const bool is_whole = database_.take(piece);
  const Duration took = delays_.between(profile_.sync_min, 2 * profile_.sync_max) + disk_slowness_;
  events_.after(took, [this, process = process_, opening = piece.opening, is_whole] {
    if (process != process_ || opening != database_.opening()) return;
    // Now and then it is lost, or only locked for a while.
    if (tape_.chance(10)) {
      const bool is_damaged = tape_.chance(500);
      trace_.line(events_.now(), name_, is_damaged ? "loses its database" : "can't write to its database");
      if (is_damaged) database_.lose();
      (void)database_.open();
      // A process that stands still hears of it only when it goes on.
      run(process, [this, is_damaged](Driver& driver) {
        database_is_damaged_ = database_is_damaged_ || is_damaged;
        driver.database_report({is_damaged ? DatabaseState::kDamaged : DatabaseState::kLags, 0, "of no use"});
      });
      return open_database(tape_.between(1ms, 500ms));
    }
    if (is_whole) {
      database_.commit();
      database_is_damaged_ = false;
      const Store& store = driver_->node().store();
      if (store.applied() == database_.index()) {
        if (const auto wrong = difference(database_, store))
          throw Violation("database", name_ + ": " + *wrong);
      }
    }
    run(process, [opening](Driver& driver) { driver.projected({opening}); });
  });
}

}  // namespace patronus::sim
