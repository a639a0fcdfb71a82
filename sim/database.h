// A model of the dashboard's database: rows, and transactions that are there whole or not at all. What it
// holds is looked at whenever a transaction is done: the rows of the state as of its index, no more and no
// less.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/effect.h"
#include "core/state/store.h"
#include "sim/tape.h"

namespace patronus::sim {

class Database {
 public:
  using Rows = std::map<std::string, std::string>;

  // A new opening; earlier ones count no more.
  uint64_t open() {
    under_way_.reset();
    return ++opening_;
  }
  uint64_t opening() const { return opening_; }
  // Takes a piece. True if it was the last of its transaction, which then waits for commit().
  bool take(const Project& piece);
  void commit();
  // A transaction that waits is there or not, one that is not whole never is.
  void crash(Track& tape);
  // All that it held is gone.
  void lose();

  const Rows& rows() const { return rows_; }
  Index index() const { return index_; }
  uint64_t transactions() const { return transactions_; }
  uint64_t losses() const { return losses_; }

 private:
  struct Transaction {
    Rows rows;
    std::optional<Base> end;
  };
  Rows rows_;
  Index index_;
  uint64_t opening_ = 0;
  uint64_t transactions_ = 0;
  uint64_t losses_ = 0;
  std::optional<Transaction> under_way_;
};

// Why the database does not hold what it should as of this state, or nothing.
[[nodiscard]] std::optional<std::string> difference(const Database& database, const Store& store);

}  // namespace patronus::sim
